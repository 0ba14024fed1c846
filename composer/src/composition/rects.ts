/** Rectangles in fractions of the canvas, kept where the server takes them. */

import type { NormRect } from "./types";

/** Fractions are cut to this many: finer than a pixel of the largest canvas, and short in JSON. */
const STEPS = 1_000_000;
/** No side of a placed tile is shorter: it could not be grasped again. */
export const MIN_SIDE = 0.02;

/** `rect` moved, and if need be shrunk, until it lies wholly inside the frame. */
export function insideFrame(rect: NormRect): NormRect {
  const w = cut(Math.min(1, Math.max(MIN_SIDE, rect.w)));
  const h = cut(Math.min(1, Math.max(MIN_SIDE, rect.h)));
  return { x: cut(Math.min(1 - w, Math.max(0, rect.x))), y: cut(Math.min(1 - h, Math.max(0, rect.y))), w, h };
}

function cut(value: number): number {
  return Math.floor(value * STEPS + 1e-6) / STEPS;
}
