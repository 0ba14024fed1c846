/** Where a source's picture lies in the frame of its stream: simulcast and turned phones change its shape. Pure. */

import type { ShapeSpan } from "../api/types";
import { lastStarted } from "../plan/spans";
import type { Rect, Size } from "../plan/types";
import type { Rendition } from "./types";

export interface Placed {
  /** The whole source picture, upright, in its own pixels. */
  readonly source: Size;
  /** Where it lies in the video frame, in pixels of that frame. */
  readonly inFrame: Rect;
}

/** The shape that holds at `mediaMs`; the nearest one before where none does, else the first. */
export function shapeAt(shapes: readonly ShapeSpan[], mediaMs: number): ShapeSpan | null {
  return (
    shapes[
      Math.max(
        0,
        lastStarted(shapes, mediaMs, (shape) => shape.start_ms),
      )
    ] ?? null
  );
}

/** Whether the source was off then; false where nothing is known of it. */
export function isBlackAt(shapes: readonly ShapeSpan[], mediaMs: number): boolean {
  const shape = shapeAt(shapes, mediaMs);
  return shape !== null && (mediaMs < shape.start_ms || mediaMs >= shape.end_ms);
}

/** Where the picture of `mediaMs` lies in a video frame of size `frame`. */
export function placedAt(rendition: Rendition, frame: Size, mediaMs: number): Placed {
  const shape = shapeAt(rendition.shapes, mediaMs);
  if (shape === null) return { source: frame, inFrame: { x: 0, y: 0, ...frame } };
  const x = frame.w / (rendition.size?.w ?? frame.w);
  const y = frame.h / (rendition.size?.h ?? frame.h);
  const { rect } = shape;
  return {
    source: { w: shape.width, h: shape.height },
    inFrame: { x: rect.x * x, y: rect.y * y, w: rect.w * x, h: rect.h * y },
  };
}
