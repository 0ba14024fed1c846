/**
 * A waveform at every scale: peaks of 1, 4, 16 … samples, so that drawing costs as much for an hour as for a second.
 *
 * A sample here is one pair (min, max) of the file; what is drawn is its larger side.
 */

import type { Waveform } from "../../api/types";

export interface Peaks {
  readonly msPerPeak: number;
  /** Level k holds peaks of 4^k samples, 0 to 127. */
  readonly levels: readonly Uint8Array[];
}

const FACTOR = 4;

export function peaksOf(waveform: Waveform): Peaks {
  const levels = [loudest(waveform)];
  for (let last = levels[0]; last !== undefined && last.length > 64; last = levels.at(-1)) levels.push(coarser(last));
  return { msPerPeak: (1000 * waveform.samples_per_pixel) / waveform.sample_rate, levels };
}

/** How loud it is at most in [fromMs, toMs), from 0 to 1. */
export function loudnessBetween(peaks: Peaks, fromMs: number, toMs: number): number {
  const span = (toMs - fromMs) / peaks.msPerPeak;
  const level = Math.max(
    0,
    Math.min(peaks.levels.length - 1, Math.floor(Math.log(Math.max(1, span)) / Math.log(FACTOR))),
  );
  const data = peaks.levels[level];
  if (data === undefined) return 0;
  const size = peaks.msPerPeak * FACTOR ** level;
  const first = Math.max(0, Math.floor(fromMs / size));
  const last = Math.min(data.length, Math.ceil(toMs / size));
  let most = 0;
  for (let i = first; i < last; i++) most = Math.max(most, data[i] ?? 0);
  return most / 127;
}

function loudest({ data }: Waveform): Uint8Array {
  const peaks = new Uint8Array(data.length >> 1);
  for (let i = 0; i < peaks.length; i++) {
    peaks[i] = Math.min(127, Math.max(Math.abs(data[2 * i] ?? 0), Math.abs(data[2 * i + 1] ?? 0)));
  }
  return peaks;
}

function coarser(fine: Uint8Array): Uint8Array {
  const coarse = new Uint8Array(Math.ceil(fine.length / FACTOR));
  for (let i = 0; i < fine.length; i++) {
    const at = Math.floor(i / FACTOR);
    coarse[at] = Math.max(coarse[at] ?? 0, fine[i] ?? 0);
  }
  return coarse;
}
