/**
 * How loud a peer is at an instant: the page's copy of `gain_ramp` in compositing/mix.py.
 *
 * Each end of a span is a raised cosine of RAMP_MS that lies inside it.
 */

import { spanAt } from "./spans";
import type { PeerAudio, SpanMs } from "./types";

export const RAMP_MS = 10;

/** Decibels as a factor of amplitude. */
export function amplitude(db: number): number {
  return 10 ** (db / 20);
}

/** The factor of amplitude at `tMs`, ramps included. `spans_ms` of `audio` are merged, as the server gives them. */
export function gainAt(audio: PeerAudio, tMs: number): number {
  const span = spanAt(audio.spans_ms, tMs);
  return span === null ? 0 : amplitude(audio.gain_db) * rampAt(span, tMs);
}

function rampAt([start, end]: SpanMs, tMs: number): number {
  return raised((tMs - start) / RAMP_MS) * raised((end - tMs) / RAMP_MS);
}

function raised(share: number): number {
  return share >= 1 ? 1 : 0.5 - 0.5 * Math.cos(Math.PI * Math.max(0, share));
}
