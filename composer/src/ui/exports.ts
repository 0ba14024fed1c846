/** Asks for exports, sees them through, and sees to it that the addresses of what was made hold. */

import { RequestKey } from "../api/keys";
import { pause, retried } from "../api/retry";
import type { ExportListed, ExportRequest, RecordingStatus } from "../api/types";
import type { ComposerEngine } from "../engine/types";
import { JobWatch } from "./jobs";

/** Addresses live a quarter of an hour at most. */
const RENEW_MS = 5 * 60_000;

type Engine = Pick<ComposerEngine, "api" | "recording" | "readStatus">;

export class ExportDesk {
  readonly job: JobWatch;
  readonly #engine: Engine;
  readonly #key = new RequestKey();
  #abort = new AbortController();
  #unsubscribe: () => void = () => undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.job = new JobWatch(engine.api);
  }

  /** Takes up an export that was running when the page was opened. */
  begin(): void {
    this.#abort = new AbortController();
    this.#unsubscribe = this.#engine.recording.subscribe(() => this.#takeUp());
    this.#takeUp();
  }

  /** `saved`: what is exported, as it was saved just now. After a lost answer the same wish gives the same export. */
  async ask(wanted: ExportRequest, saved: unknown): Promise<void> {
    const key = this.#key.of(JSON.stringify([wanted, saved]));
    const { job_id: jobId } = await this.#engine.api.requestExport(wanted, key);
    this.#key.answered();
    void this.follow(jobId);
  }

  /** Follows an export to its end, and finds out where its film is. */
  async follow(jobId: string): Promise<void> {
    const { signal } = this.#abort;
    await this.job.follow(jobId);
    await this.#readStatus(signal);
  }

  /** While somebody looks at exports: what they see is new, and can be loaded. The function returned ends it. */
  attend(): () => void {
    const abort = new AbortController();
    void this.#attend(abort.signal);
    return () => abort.abort();
  }

  close(): void {
    this.#abort.abort();
    this.#unsubscribe();
    this.job.forget();
  }

  async #attend(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#readStatus(signal);
      await pause(RENEW_MS, signal);
    }
  }

  /** Where that fails for good, what is shown stays. */
  async #readStatus(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await retried(() => this.#engine.readStatus(), signal).catch(() => undefined);
  }

  #takeUp(): void {
    const recording = this.#engine.recording.get();
    if (recording === null) return;
    this.#unsubscribe();
    const running = runningExport(recording);
    if (running !== null && this.job.reading.get() === null) void this.follow(running.export_id);
  }
}

/** The newest export that is being made. */
export function runningExport({ exports }: RecordingStatus): ExportListed | null {
  return exports.find(({ status }) => status === "queued" || status === "processing") ?? null;
}
