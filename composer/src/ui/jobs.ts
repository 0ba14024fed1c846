/** Follows one job of the server until it ends, and tells how it stands. */

import type { ComposerApi } from "../api/client";
import { retried } from "../api/retry";
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
  /** Why it is no longer followed, though it may go on; null while it is. */
  readonly lost: unknown;
}

/** How often the last look at a job that has ended is tried: its end is known without. */
const LAST_TRIES = 3;

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
    const known = this.#reading.get();
    this.#reading.set(known?.jobId === jobId ? { ...known, lost: null } : queued(jobId));
    try {
      await this.#listen(jobId, abort.signal);
    } catch (lost) {
      if (!abort.signal.aborted) this.#change({ lost });
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

  /** Only the events say that a job has ended; what one look more or less would have told can be missed. */
  async #listen(jobId: string, signal: AbortSignal): Promise<void> {
    const tell = (told: Partial<JobReading>) => {
      if (!signal.aborted) this.#change(told);
    };
    const look = async () => tell(toldBy(await this.#api.job(jobId, signal)));
    await look().catch(() => undefined);
    for await (const event of this.#api.jobEvents(jobId, signal)) {
      if (event.type === "progress") tell({ status: "processing", progress: event });
      else tell({ status: event.status, reason: event.reason, message: event.message });
    }
    await retried(look, signal, LAST_TRIES).catch(() => undefined);
  }

  #change(change: Partial<JobReading>): void {
    const known = this.#reading.get();
    if (known !== null) this.#reading.set({ ...known, ...change });
  }
}

export function isRunning(reading: JobReading | null): boolean {
  return reading?.lost === null && (reading.status === "queued" || reading.status === "processing");
}

function toldBy({ status, progress, reason, message, warnings }: Job): Partial<JobReading> {
  return { status, progress, reason, message, warnings };
}

function queued(jobId: string): JobReading {
  return { jobId, status: "queued", progress: null, reason: null, message: null, warnings: [], lost: null };
}
