/** Sees to it that there are previews: asks for them where nobody has, and follows the job that makes them. */

import type { ComposerEngine } from "../engine/types";
import { Cell } from "../shared/observable";
import { JobWatch } from "./jobs";

export class PreviewDesk {
  readonly job: JobWatch;
  /** Why asking failed; null while it did not. */
  readonly error = new Cell<unknown>(null);
  readonly #engine: ComposerEngine;
  #unsubscribe: (() => void)[] = [];
  #asking = false;

  constructor(engine: ComposerEngine) {
    this.#engine = engine;
    this.job = new JobWatch(engine.api);
  }

  begin(): void {
    const { phase, recording } = this.#engine;
    this.#unsubscribe = [phase, recording].map((cell) => cell.subscribe(() => this.#look()));
    this.#look();
  }

  /** Asks for previews, again if they failed. */
  async ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    this.error.set(null);
    try {
      await this.#engine.api.requestPreview();
      await this.#engine.refresh();
    } catch (error) {
      this.error.set(error);
    } finally {
      this.#asking = false;
    }
  }

  close(): void {
    this.job.stop();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #look(): void {
    const phase = this.#engine.phase.get();
    if (phase.kind !== "ready") return;
    const jobId = this.#engine.recording.get()?.preview.job_id ?? null;
    if (phase.preview === "none" && this.error.get() === null) void this.ask();
    if (phase.preview === "making" && jobId !== null && this.job.reading.get()?.jobId !== jobId)
      void this.#follow(jobId);
  }

  async #follow(jobId: string): Promise<void> {
    await this.job.follow(jobId);
    await this.#engine.refresh().catch(() => undefined);
  }
}
