/** Trying again what failed for a reason that passes. */

import { isTransient } from "./errors";

const RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 30_000;

/** What `attempt` gives, after at most `tries`, each time after twice the wait. Rejects with what does not pass. */
export async function retried<T>(attempt: () => Promise<T>, signal: AbortSignal, tries = Infinity): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (isOver(signal) || failures >= tries || !isTransient(error)) throw error;
    }
    await pause(backoffMs(failures), signal);
    signal.throwIfAborted();
  }
}

/** How long to wait after so many failures in a row. */
export function backoffMs(failures: number, firstMs: number = RETRY_MS): number {
  return Math.min(LONGEST_RETRY_MS, firstMs * 2 ** Math.max(0, failures - 1));
}

/** Resolves after `ms`, or as soon as the signal does. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}

/** A function, since the signal changes while others run. */
export function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}
