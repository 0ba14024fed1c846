/**
 * How often a stream begins anew at once when its media could not be decoded. Pure.
 *
 * While it does, everybody waits for it; so one that fails again and again is given up, and tried again from time to
 * time while the others play. That its segments arrive proves nothing: only having played for a while does.
 */

const AT_ONCE = 2;
const PROOF_MS = 10_000;
/** Farther than this between two looks it has been sought, not played. */
const LONGEST_STEP_MS = 1_000;

export class Decoding {
  #failures = 0;
  #playedMs = 0;
  #atMs = 0;

  get isGivenUp(): boolean {
    return this.#failures > AT_ONCE;
  }

  /** Its media could not be decoded; gives whether it shall begin anew at once. */
  failed(): boolean {
    this.#failures++;
    this.#playedMs = 0;
    return !this.isGivenUp;
  }

  /** It plays, and is at `mediaMs`. */
  playsAt(mediaMs: number): void {
    const stepMs = mediaMs - this.#atMs;
    this.#atMs = mediaMs;
    if (stepMs > 0 && stepMs < LONGEST_STEP_MS) this.#playedMs += stepMs;
    if (this.#playedMs >= PROOF_MS) this.#failures = 0;
  }
}
