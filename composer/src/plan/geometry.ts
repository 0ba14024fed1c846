/**
 * Rectangles in whole pixels, and how a picture is fitted into one: the page's copy of compositing/geometry.py.
 *
 * Both give the same integers for tests/golden/fit.json. Whoever changes one changes the other.
 */

import type { Fit, Rect, Size } from "./types";

/** `auto` covers while at least this share of the source stays visible, else it contains. */
export const AUTO_COVER_MIN_VISIBLE = 0.7;

/** `value` rounded half up to the nearest even integer. */
export function even(value: number): number {
  return 2 * Math.floor((value + 1) / 2);
}

/** The rectangle whose four edges are the given edges, each rounded by `even`; at least 2 x 2. */
export function evenRect(x: number, y: number, w: number, h: number): Rect {
  const left = even(x);
  const top = even(y);
  return { x: left, y: top, w: Math.max(2, even(x + w) - left), h: Math.max(2, even(y + h) - top) };
}

/** `norm` as fractions of a canvas of `size` (even), on even pixels; inside the canvas if `norm` is. */
export function toPixels(norm: Rect, size: Size): Rect {
  const rect = evenRect(norm.x * size.w, norm.y * size.h, norm.w * size.w, norm.h * size.h);
  return { ...rect, x: Math.min(rect.x, size.w - rect.w), y: Math.min(rect.y, size.h - rect.h) };
}

/** A rectangle of the canvas as fractions of it: what `place` takes. */
export function toFractions(rect: Rect, canvas: Size): Rect {
  return { x: rect.x / canvas.w, y: rect.y / canvas.h, w: rect.w / canvas.w, h: rect.h / canvas.h };
}

export interface Fitted {
  /** Which part of the source is seen, in its pixels. */
  readonly part: Rect;
  /** Where that lies, in pixels of the canvas. */
  readonly place: Rect;
}

/** Which part of a `source` picture lands where inside `target`; `crop`, in fractions, is applied first. */
export function fitPicture(source: Size, target: Rect, fit: Fit, crop: Rect | null): Fitted {
  const part = cropped(source, crop);
  const way = fit === "auto" ? (visibleShare(part, target) >= AUTO_COVER_MIN_VISIBLE ? "cover" : "contain") : fit;
  if (way === "cover") return { part: covered(part, target), place: target };
  if (way === "contain") return { part, place: contained(part, target) };
  return { part, place: target };
}

/** The share of `part` that `cover` would leave visible in `target`, in (0, 1]. */
export function visibleShare(part: Size, target: Size): number {
  const ratio = (part.w * target.h) / (part.h * target.w);
  return Math.min(ratio, 1 / ratio);
}

function cropped(source: Size, crop: Rect | null): Rect {
  if (crop === null || (crop.x === 0 && crop.y === 0 && crop.w === 1 && crop.h === 1)) return { x: 0, y: 0, ...source };
  const [x, w] = croppedSide(source.w, crop.x, crop.w);
  const [y, h] = croppedSide(source.h, crop.y, crop.h);
  return { x, y, w, h };
}

/** (first pixel, number of pixels) of a cropped side: the first is even, and at least two are left. */
function croppedSide(length: number, start: number, share: number): [number, number] {
  const first = Math.min(even(start * length), Math.max(0, Math.floor((length - 2) / 2) * 2));
  const last = Math.min(Math.max(even((start + share) * length), first + 2), length);
  return [first, last - first];
}

function covered(part: Rect, target: Rect): Rect {
  if (part.w * target.h > part.h * target.w) {
    const w = Math.min(part.w, Math.max(2, even((part.h * target.w) / target.h)));
    return { x: part.x + even((part.w - w) / 2), y: part.y, w, h: part.h };
  }
  const h = Math.min(part.h, Math.max(2, even((part.w * target.h) / target.w)));
  return { x: part.x, y: part.y + even((part.h - h) / 2), w: part.w, h };
}

function contained(part: Rect, target: Rect): Rect {
  if (part.w * target.h > part.h * target.w) {
    const h = Math.min(target.h, Math.max(2, even((part.h * target.w) / part.w)));
    return { x: target.x, y: target.y + even((target.h - h) / 2), w: target.w, h };
  }
  const w = Math.min(target.w, Math.max(2, even((part.w * target.h) / part.h)));
  return { x: target.x + even((target.w - w) / 2), y: target.y, w, h: target.h };
}
