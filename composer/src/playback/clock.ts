/** The one clock that everything follows: recording time against a monotonic one. Pure but for `now`. */

export class MediaClock {
  readonly #now: () => number;
  #atMs = 0;
  /** When it was at `#atMs`; null while it stands. */
  #sinceMs: number | null = null;
  #rate = 1;

  /** `now` gives milliseconds that never go back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get timeMs(): number {
    return this.#sinceMs === null ? this.#atMs : this.#atMs + (this.#now() - this.#sinceMs) * this.#rate;
  }

  get runs(): boolean {
    return this.#sinceMs !== null;
  }

  get rate(): number {
    return this.#rate;
  }

  /** Runs on from `timeMs`. */
  start(timeMs = this.timeMs): void {
    this.#atMs = timeMs;
    this.#sinceMs = this.#now();
  }

  stop(): void {
    this.#atMs = this.timeMs;
    this.#sinceMs = null;
  }

  /** Goes to `timeMs`; runs on if it ran. */
  set(timeMs: number): void {
    this.#atMs = timeMs;
    if (this.#sinceMs !== null) this.#sinceMs = this.#now();
  }

  setRate(rate: number): void {
    this.set(this.timeMs);
    this.#rate = rate;
  }
}
