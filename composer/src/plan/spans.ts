/** Half-open spans [start, end) in order, looked up by bisection: hours have thousands of them. */

import type { SpanMs } from "./types";

/** The index of the last item whose start is at or before `tMs`; -1 if none is. */
export function lastStarted<T>(items: readonly T[], tMs: number, startOf: (item: T) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = items[middle];
    if (item !== undefined && startOf(item) <= tMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The span that holds `tMs`. */
export function spanAt(spans: readonly SpanMs[], tMs: number): SpanMs | null {
  const span = spans[lastStarted(spans, tMs, ([start]) => start)];
  return span !== undefined && tMs < span[1] ? span : null;
}

/** Whether any span meets [fromMs, toMs). */
export function meets(spans: readonly SpanMs[], fromMs: number, toMs: number): boolean {
  const span = spans[lastStarted(spans, toMs - 1e-9, ([start]) => start)];
  return span !== undefined && span[1] > fromMs;
}
