/**
 * Saves the newest state some time after the last edit, one request at a time, and notices when somebody else saved.
 *
 * `write` saves and gives the new entity tag; it throws a `Conflict` where the stored one is no longer the expected
 * one. After a conflict nothing is written until `keepMine` or `takeTheirs` decides. Other failures are tried again,
 * each time after twice the wait. A write whose answer was lost may have been done, so it is repeated before anything
 * newer is written: the server takes what it holds already, and its tag is known again.
 */

import { Cell, type Readable } from "../shared/observable";

export type SaveStatus =
  | { readonly kind: "saved"; readonly atMs: number | null }
  | { readonly kind: "unsaved" }
  | { readonly kind: "saving" }
  | { readonly kind: "conflict" }
  | { readonly kind: "failed"; readonly error: unknown; readonly retryInMs: number | null };

/** Somebody else saved in between. */
export class Conflict extends Error {
  constructor() {
    super("the composition was saved by somebody else in between");
    this.name = "Conflict";
  }
}

export interface AutosaveOptions<T> {
  /** `etag` null: there is none yet; it must still not be there. */
  readonly write: (state: T, etag: string | null) => Promise<string>;
  /** Whether trying again may help. */
  readonly isTransient: (error: unknown) => boolean;
  readonly now?: () => number;
  readonly quietMs?: number;
}

const QUIET_MS = 800;
const RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 60_000;

export class Autosave<T> {
  readonly #options: AutosaveOptions<T>;
  readonly #status: Cell<SaveStatus>;
  #etag: string | null;
  #newest: T;
  /** What the server holds; null while that is nothing, or not known. */
  #stored: T | null;
  /** Written, but the answer was lost: the server may hold it, under a tag that is not known here. */
  #lost: T | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #running: Promise<void> | null = null;
  #retryMs = RETRY_MS;
  #isClosed = false;

  /** `etag` null: nothing is stored yet, and `stored` is what one begins with. */
  constructor(stored: T, etag: string | null, options: AutosaveOptions<T>) {
    this.#newest = stored;
    this.#stored = etag === null ? null : stored;
    this.#etag = etag;
    this.#options = options;
    this.#status = new Cell<SaveStatus>({ kind: "saved", atMs: null });
  }

  get status(): Readable<SaveStatus> {
    return this.#status;
  }

  /** The tag of what is stored, as far as known here. */
  get etag(): string | null {
    return this.#etag;
  }

  /** There is a newer state. */
  changed(state: T): void {
    this.#newest = state;
    if (this.#status.get().kind === "conflict") return;
    if (this.#running === null) {
      this.#status.set(this.#isStored ? { kind: "saved", atMs: null } : { kind: "unsaved" });
      this.#after(this.#options.quietMs ?? QUIET_MS);
    }
  }

  /** Saves now what is not saved yet; resolves when it is, rejects when it cannot be. */
  async flush(): Promise<void> {
    this.#cancelTimer();
    while (this.#running !== null) await this.#running;
    if (this.#status.get().kind !== "conflict" && !this.#isStored) await this.#save();
    if (this.#status.get().kind === "unsaved") await this.#save(); // the first was what a lost answer had left open
    const status = this.#status.get();
    if (status.kind === "failed") throw status.error;
    if (status.kind === "conflict") throw new Conflict();
  }

  /** After a conflict: what is here replaces what somebody else saved under `theirEtag`. */
  async keepMine(theirEtag: string | null): Promise<void> {
    this.#etag = theirEtag;
    this.#status.set({ kind: "unsaved" });
    await this.flush();
  }

  /** After a conflict: what somebody else saved counts from now on. */
  takeTheirs(state: T, etag: string | null): void {
    this.#cancelTimer();
    this.#newest = state;
    this.#stored = etag === null ? null : state;
    this.#etag = etag;
    this.#status.set({ kind: "saved", atMs: null });
  }

  /** Nothing is tried again from now on; what is not saved is written a last time, after a write that runs. */
  close(): void {
    this.#cancelTimer();
    this.#isClosed = true;
    const { kind } = this.#status.get();
    if (kind !== "saved" && kind !== "conflict") void this.flush().catch(() => undefined);
  }

  get #isStored(): boolean {
    return Object.is(this.#newest, this.#stored);
  }

  #after(ms: number): void {
    this.#cancelTimer();
    if (this.#isStored || this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#save(), ms);
  }

  #cancelTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #save(): Promise<void> {
    this.#running ??= this.#attempt().finally(() => {
      this.#running = null;
    });
    await this.#running;
  }

  async #attempt(): Promise<void> {
    const state = this.#lost ?? this.#newest;
    this.#cancelTimer();
    this.#status.set({ kind: "saving" });
    try {
      this.#etag = await this.#options.write(state, this.#etag);
      this.#stored = state;
      this.#lost = null;
      this.#retryMs = RETRY_MS;
      this.#status.set(this.#isStored ? { kind: "saved", atMs: this.#now() } : { kind: "unsaved" });
      this.#after(this.#options.quietMs ?? QUIET_MS);
    } catch (error) {
      this.#failed(state, error);
    }
  }

  #failed(state: T, error: unknown): void {
    const isTransient = this.#options.isTransient(error);
    this.#lost = isTransient ? state : null;
    if (error instanceof Conflict) {
      this.#status.set({ kind: "conflict" });
      return;
    }
    this.#stored = null;
    const retryInMs = isTransient ? this.#retryMs : null;
    this.#status.set({ kind: "failed", error, retryInMs });
    if (retryInMs === null) return;
    this.#retryMs = Math.min(LONGEST_RETRY_MS, 2 * this.#retryMs);
    this.#after(retryInMs);
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}
