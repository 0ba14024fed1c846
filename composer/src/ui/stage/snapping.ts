/**
 * Where a dragged rectangle snaps to: edges and middle of the canvas, its margin, its thirds, other tiles. Pure.
 *
 * Each axis snaps by itself, to the nearest line within `reach`; lines that meet the snapped rectangle afterwards are
 * the guides to draw.
 */

import type { Rect, Size } from "../../plan/types";
import { isMove, type Grip } from "./dragging";

/** A line to snap to, in pixels of the canvas, and along which stretch it is drawn when it holds. */
export interface Line {
  readonly at: number;
  readonly from: number;
  readonly to: number;
  readonly kind: "canvas" | "third" | "tile";
}

export interface Lines {
  /** Vertical lines: `at` is an x. */
  readonly x: readonly Line[];
  /** Horizontal lines: `at` is a y. */
  readonly y: readonly Line[];
}

export interface Guide {
  readonly axis: "x" | "y";
  readonly line: Line;
}

export interface Snapped {
  readonly rect: Rect;
  readonly guides: readonly Guide[];
}

/** The lines of a canvas with an outer margin of `gap`, and of the tiles that stand still. */
export function linesOf(canvas: Size, gap: number, others: readonly Rect[]): Lines {
  return {
    x: [
      ...canvasLines(canvas.w, canvas.h, gap),
      ...others.flatMap((rect) => tileLines(rect.x, rect.w, rect.y, rect.h)),
    ],
    y: [
      ...canvasLines(canvas.h, canvas.w, gap),
      ...others.flatMap((rect) => tileLines(rect.y, rect.h, rect.x, rect.w)),
    ],
  };
}

export function snapped(rect: Rect, grip: Grip, lines: Lines, reach: number): Snapped {
  const x = shift(rect.x, rect.w, grip, grip.x, lines.x, reach);
  const y = shift(rect.y, rect.h, grip, grip.y, lines.y, reach);
  const moved = applied(rect, grip, x, y);
  return { rect: moved, guides: guidesOf(moved, grip, lines, x !== null, y !== null) };
}

/** The lines on which edges or the middle of `rect` lie, for the axes that have snapped. */
export function guidesOf(rect: Rect, grip: Grip, lines: Lines, x: boolean, y: boolean): readonly Guide[] {
  return [
    ...(x ? held(rect.x, rect.w, grip, grip.x, lines.x).map((line) => guide("x", line, rect.y, rect.h)) : []),
    ...(y ? held(rect.y, rect.h, grip, grip.y, lines.y).map((line) => guide("y", line, rect.x, rect.w)) : []),
  ];
}

function canvasLines(length: number, across: number, gap: number): readonly Line[] {
  const line = (at: number, kind: Line["kind"]): Line => ({ at, from: 0, to: across, kind });
  const edges = [0, length / 2, length].map((at) => line(at, "canvas"));
  const margin = gap > 0 ? [gap, length - gap].map((at) => line(at, "canvas")) : [];
  return [...edges, ...margin, line(length / 3, "third"), line((2 * length) / 3, "third")];
}

function tileLines(start: number, length: number, from: number, across: number): readonly Line[] {
  return [start, start + length / 2, start + length].map((at) => ({ at, from, to: from + across, kind: "tile" }));
}

/** By how much this axis moves to lie on a line; null where none is near. */
function shift(
  start: number,
  length: number,
  grip: Grip,
  side: -1 | 0 | 1,
  lines: readonly Line[],
  reach: number,
): number | null {
  let best: number | null = null;
  for (const own of points(start, length, grip, side)) {
    for (const { at } of lines) {
      const by = at - own;
      if (Math.abs(by) <= reach && (best === null || Math.abs(by) < Math.abs(best))) best = by;
    }
  }
  return best;
}

/** What of a side looks for lines: all of it when moved, the gripped edge when resized. */
function points(start: number, length: number, grip: Grip, side: -1 | 0 | 1): readonly number[] {
  if (isMove(grip)) return [start, start + length / 2, start + length];
  if (side === 0) return [];
  return [side < 0 ? start : start + length];
}

function applied(rect: Rect, grip: Grip, x: number | null, y: number | null): Rect {
  const [dx, dy] = [x ?? 0, y ?? 0];
  if (isMove(grip)) return { ...rect, x: rect.x + dx, y: rect.y + dy };
  return {
    x: grip.x < 0 ? rect.x + dx : rect.x,
    y: grip.y < 0 ? rect.y + dy : rect.y,
    w: rect.w + grip.x * dx,
    h: rect.h + grip.y * dy,
  };
}

function held(start: number, length: number, grip: Grip, side: -1 | 0 | 1, lines: readonly Line[]): readonly Line[] {
  const own = points(start, length, grip, side);
  return lines.filter(({ at }) => own.some((point) => Math.abs(point - at) < 0.5));
}

function guide(axis: "x" | "y", line: Line, start: number, length: number): Guide {
  return { axis, line: { ...line, from: Math.min(line.from, start), to: Math.max(line.to, start + length) } };
}
