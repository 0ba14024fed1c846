/** Moving and resizing rectangles of the canvas by a pointer. Pure; pixels of the canvas throughout. */

import type { Rect, Size } from "../../plan/types";

/** Which edges a drag moves: -1 left or top, 1 right or bottom, 0 none. `move` has both 0. */
export interface Grip {
  readonly x: -1 | 0 | 1;
  readonly y: -1 | 0 | 1;
}

export const MOVE: Grip = { x: 0, y: 0 };

/** Clockwise from the upper left corner. */
export const GRIPS: readonly Grip[] = [
  { x: -1, y: -1 },
  { x: 0, y: -1 },
  { x: 1, y: -1 },
  { x: 1, y: 0 },
  { x: 1, y: 1 },
  { x: 0, y: 1 },
  { x: -1, y: 1 },
  { x: -1, y: 0 },
];

/** The shortest side a drag leaves, in pixels of a 1080-line canvas. */
export const SHORTEST = 48;

export function isMove(grip: Grip): boolean {
  return grip.x === 0 && grip.y === 0;
}

/** `start` with the gripped edges moved by (dx, dy), inside the canvas; a move keeps the size. */
export function dragged(start: Rect, grip: Grip, dx: number, dy: number, canvas: Size): Rect {
  if (isMove(grip)) {
    return {
      ...start,
      x: within(start.x + dx, 0, canvas.w - start.w),
      y: within(start.y + dy, 0, canvas.h - start.h),
    };
  }
  const shortest = shortestSide(canvas);
  const [x, w] = resizedSide(start.x, start.w, grip.x, dx, canvas.w, shortest);
  const [y, h] = resizedSide(start.y, start.h, grip.y, dy, canvas.h, shortest);
  return { x, y, w, h };
}

/**
 * `rect`, made by dragging `grip`, with the proportions of `start`. A corner follows the longer way; an edge grows the
 * other side around its middle. What does not fit into the canvas is made smaller.
 */
export function withAspect(rect: Rect, start: Rect, grip: Grip, canvas: Size): Rect {
  if (isMove(grip)) return rect;
  const aspect = start.w / start.h;
  const byWidth = grip.y === 0 || (grip.x !== 0 && rect.w / start.w >= rect.h / start.h);
  const wanted = byWidth ? rect.w : rect.h * aspect;
  const anchor = { x: anchorOf(start.x, start.w, grip.x), y: anchorOf(start.y, start.h, grip.y) };
  const room = Math.min(roomAt(anchor.x, grip.x, canvas.w), roomAt(anchor.y, grip.y, canvas.h) * aspect);
  const shortest = shortestSide(canvas);
  const w = Math.min(room, Math.max(wanted, shortest, shortest * aspect));
  const h = w / aspect;
  return { x: startFrom(anchor.x, w, grip.x), y: startFrom(anchor.y, h, grip.y), w, h };
}

function shortestSide(canvas: Size): number {
  return (SHORTEST * Math.min(canvas.w, canvas.h)) / 1080;
}

function resizedSide(
  start: number,
  length: number,
  side: -1 | 0 | 1,
  by: number,
  limit: number,
  shortest: number,
): readonly [number, number] {
  if (side === 0) return [start, length];
  const end = start + length;
  if (side > 0) return [start, within(end + by, start + shortest, limit) - start];
  const moved = within(start + by, 0, end - shortest);
  return [moved, end - moved];
}

/** What stays where it is: the edge opposite to the grip, or the middle. */
function anchorOf(start: number, length: number, side: -1 | 0 | 1): number {
  return side > 0 ? start : side < 0 ? start + length : start + length / 2;
}

/** How long a side may become that is anchored there. */
function roomAt(anchor: number, side: -1 | 0 | 1, limit: number): number {
  if (side > 0) return limit - anchor;
  if (side < 0) return anchor;
  return 2 * Math.min(anchor, limit - anchor);
}

function startFrom(anchor: number, length: number, side: -1 | 0 | 1): number {
  return side > 0 ? anchor : side < 0 ? anchor - length : anchor - length / 2;
}

function within(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
