/** Follows one job of the server until it ends, and tells how it stands. */

import type { ComposerApi } from "../api/client";
import type { Job, JobProgress, JobStatus } from "../api/types";
import { Cell, type Readable } from "../shared/observable";

export interface JobReading {
  readonly jobId: string;
  readonly status: JobStatus;
  readonly progress: JobProgress | null;
  /** In one word, such as `cancelled`; null unless it failed. */
  readonly reason: string | null;
  readonly message: string | null;
  readonly warnings: Job["warnings"];
}

export class JobWatch {
  readonly #api: ComposerApi;
  readonly #reading = new Cell<JobReading | null>(null);
  #abort: AbortController | null = null;

  constructor(api: ComposerApi) {
    this.#api = api;
  }

  get reading(): Readable<JobReading | null> {
    return this.#reading;
  }

  /** Follows `jobId` instead of what was followed before; resolves when it has ended, or is no longer followed. */
  async follow(jobId: string): Promise<void> {
    if (this.#reading.get()?.jobId === jobId && this.#abort !== null) return;
    this.stop();
    const abort = (this.#abort = new AbortController());
    this.#reading.set({ jobId, status: "queued", progress: null, reason: null, message: null, warnings: [] });
    try {
      this.#take(await this.#api.job(jobId, abort.signal));
      for await (const event of this.#api.jobEvents(jobId, abort.signal)) {
        if (event.type === "progress") this.#change({ status: "processing", progress: event });
        else this.#change({ status: event.status, reason: event.reason, message: event.message });
      }
      if (!abort.signal.aborted) this.#take(await this.#api.job(jobId, abort.signal));
    } catch (error) {
      if (!abort.signal.aborted) this.#change({ status: "failed", reason: "unreachable", message: wordsOf(error) });
    } finally {
      if (this.#abort === abort) this.#abort = null;
    }
  }

  async cancel(): Promise<void> {
    const jobId = this.#reading.get()?.jobId;
    if (jobId !== undefined) await this.#api.cancelJob(jobId);
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
  }

  forget(): void {
    this.stop();
    this.#reading.set(null);
  }

  #take({ job_id: jobId, status, progress, reason, message, warnings }: Job): void {
    this.#reading.set({ jobId, status, progress, reason, message, warnings });
  }

  #change(change: Partial<JobReading>): void {
    const known = this.#reading.get();
    if (known !== null) this.#reading.set({ ...known, ...change });
  }
}

export function isRunning(reading: JobReading | null): boolean {
  return reading !== null && (reading.status === "queued" || reading.status === "processing");
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
