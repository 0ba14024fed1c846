/**
 * The plan of the newest state, around the playhead: one request at a time, and always one for the newest wish after it.
 *
 * The plan of an hour is large, so long recordings are asked for in windows. Until the answer is there the last plan is
 * what is shown. The whole recording is planned, whatever part of it is to be exported: one wants to see what one cuts.
 */

import { ApiError, isTransient } from "../api/errors";
import type { PlanWindow } from "../api/client";
import { untrimmed } from "../composition/edits";
import type { CompositionState } from "../composition/types";
import type { Plan } from "../plan/types";
import { Cell, type Readable } from "../shared/observable";
import type { PlanReading } from "./types";

export type FetchPlan = (state: CompositionState, window: PlanWindow | undefined, signal: AbortSignal) => Promise<Plan>;

/** Recordings up to this length are planned as a whole. */
const WHOLE_MS = 10 * 60_000;
const BEFORE_MS = 60_000;
const AFTER_MS = 180_000;
/** A window is left for the next one when the playhead comes so near to its edge. */
const MARGIN_MS = 30_000;
const STEP_MS = 30_000;
const RETRY_MS = 2_000;

interface Wish {
  readonly state: CompositionState;
  readonly window: PlanWindow | undefined;
}

export class PlanKeeper {
  readonly #fetch: FetchPlan;
  readonly #reading = new Cell<PlanReading>({ plan: null, fetching: false, error: null });
  readonly #abort = new AbortController();
  #state: CompositionState | null = null;
  #durationMs: number | null = null;
  #timeMs = 0;
  #answered: Wish | null = null;
  #running = false;
  #retry: ReturnType<typeof setTimeout> | null = null;

  constructor(fetcher: FetchPlan) {
    this.#fetch = fetcher;
  }

  get reading(): Readable<PlanReading> {
    return this.#reading;
  }

  /** Where the recording ends: known from its manifest, else from a plan of the whole. */
  get endMs(): number {
    return this.#durationMs ?? this.#reading.get().plan?.end_ms ?? 0;
  }

  setState(state: CompositionState): void {
    this.#state = state;
    void this.#update();
  }

  setDuration(durationMs: number): void {
    this.#durationMs = durationMs;
    void this.#update();
  }

  /** The playhead is here. */
  lookAt(timeMs: number): void {
    this.#timeMs = timeMs;
    if (this.#answered !== null && !this.#covers(this.#answered)) void this.#update();
  }

  /** Asks again for what was refused: access may have been renewed. */
  again(): void {
    this.#answered = null;
    this.#cancelRetry();
    void this.#update();
  }

  close(): void {
    this.#abort.abort();
    this.#cancelRetry();
  }

  async #update(): Promise<void> {
    if (this.#running || this.#retry !== null) return;
    this.#running = true;
    for (let wish = this.#wish(); wish !== null; wish = this.#wish()) {
      if (!(await this.#ask(wish))) break;
    }
    this.#running = false;
  }

  /** What to ask for; null where the answer is there. */
  #wish(): Wish | null {
    if (this.#state === null || this.#abort.signal.aborted) return null;
    if (this.#answered?.state === this.#state && this.#covers(this.#answered)) return null;
    return { state: this.#state, window: this.#window() };
  }

  #window(): PlanWindow | undefined {
    if (this.#durationMs === null || this.#durationMs <= WHOLE_MS) return undefined;
    const middle = Math.floor(this.#timeMs / STEP_MS) * STEP_MS;
    const fromMs = Math.max(0, Math.min(middle - BEFORE_MS, this.#durationMs - BEFORE_MS - AFTER_MS));
    return { fromMs, toMs: Math.min(this.#durationMs, fromMs + BEFORE_MS + AFTER_MS) };
  }

  #covers({ window }: Wish): boolean {
    if (window === undefined) return true;
    const endMs = this.#durationMs ?? Infinity;
    const isAfter = window.fromMs === 0 || this.#timeMs >= window.fromMs + MARGIN_MS;
    return isAfter && (window.toMs >= endMs || this.#timeMs < window.toMs - MARGIN_MS);
  }

  /** Whether it makes sense to go on asking. */
  async #ask(wish: Wish): Promise<boolean> {
    const { plan, error: known } = this.#reading.get();
    this.#reading.set({ plan, fetching: true, error: known });
    try {
      const made = await this.#fetch(untrimmed(wish.state), wish.window, this.#abort.signal);
      this.#answered = wish;
      this.#reading.set({ plan: made, fetching: this.#wish() !== null, error: null });
      return true;
    } catch (error) {
      if (this.#abort.signal.aborted) return false;
      if (isTransient(error)) this.#retryAfter(pauseMs(error));
      else this.#answered = wish;
      this.#reading.set({ plan, fetching: !isTransient(error) && this.#wish() !== null, error });
      return !isTransient(error);
    }
  }

  #retryAfter(ms: number): void {
    this.#retry = setTimeout(() => {
      this.#retry = null;
      void this.#update();
    }, ms);
  }

  #cancelRetry(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
  }
}

/** At least as long as the server asks for. */
function pauseMs(error: unknown): number {
  const askedS = error instanceof ApiError ? (error.retryAfterS ?? 0) : 0;
  return Math.max(RETRY_MS, 1000 * askedS);
}
