/**
 * Which part of recording time a timeline shows, and how times become pixels. Pure.
 *
 * `x` counts pixels from the left edge of the drawing area. The view never leaves [0, durationMs] further than a
 * little air at both ends, and never shows less than MIN_SPAN_MS.
 */

export interface Viewport {
  readonly startMs: number;
  readonly msPerPx: number;
  readonly width: number;
  readonly durationMs: number;
}

/** The shortest span that fills the view: a handful of frames. */
export const MIN_SPAN_MS = 400;
/** Pixels of air before zero and after the end, so that handles there can be grasped. */
export const AIR_PX = 14;

export function fitted(durationMs: number, width: number): Viewport {
  const inner = Math.max(1, width - 2 * AIR_PX);
  const msPerPx = Math.max(1, durationMs) / inner;
  return { startMs: -AIR_PX * msPerPx, msPerPx, width, durationMs };
}

export function toX(view: Viewport, tMs: number): number {
  return (tMs - view.startMs) / view.msPerPx;
}

export function toMs(view: Viewport, x: number): number {
  return view.startMs + x * view.msPerPx;
}

export function endMs(view: Viewport): number {
  return toMs(view, view.width);
}

/** A time inside the recording. */
export function clampMs(view: Viewport, tMs: number): number {
  return Math.min(view.durationMs, Math.max(0, tMs));
}

/** Zooms by `factor` (above 1: closer) so that what is at `x` stays there. */
export function zoomed(view: Viewport, factor: number, x: number): Viewport {
  const anchor = toMs(view, x);
  const msPerPx = limitedScale(view, view.msPerPx / factor);
  return settled({ ...view, msPerPx, startMs: anchor - x * msPerPx });
}

export function panned(view: Viewport, dx: number): Viewport {
  return settled({ ...view, startMs: view.startMs + dx * view.msPerPx });
}

/** The same start and scale in another width; a view that showed everything goes on showing everything. */
export function resized(view: Viewport, width: number): Viewport {
  return isFitted(view) ? fitted(view.durationMs, width) : settled({ ...view, width });
}

export function withDuration(view: Viewport, durationMs: number): Viewport {
  return isFitted(view) ? fitted(durationMs, view.width) : settled({ ...view, durationMs });
}

/** Shows [fromMs, toMs) and a little air. */
export function showing(view: Viewport, fromMs: number, toMs: number): Viewport {
  const msPerPx = limitedScale(view, (toMs - fromMs) / Math.max(1, view.width - 2 * AIR_PX));
  return settled({ ...view, msPerPx, startMs: fromMs - AIR_PX * msPerPx });
}

/** The nearest place to `x` at which the playhead does not turn the page. */
export function withinPage(view: Viewport, x: number): number {
  return Math.min(view.width - 3, Math.max(1, x));
}

/** How far a view moves in one frame of the screen while the pointer is held at `x`, outside of it. */
export function driftPx(view: Viewport, x: number): number {
  return Math.min(16, Math.max(-16, (x - withinPage(view, x)) / 6));
}

/** Turns the page when `tMs` has left the view on the right, or comes to it when it is out of sight. */
export function following(view: Viewport, tMs: number): Viewport {
  const x = toX(view, tMs);
  if (x >= 0 && x <= view.width - 2) return view;
  return settled({ ...view, startMs: tMs - 0.08 * view.width * view.msPerPx });
}

export function isFitted(view: Viewport): boolean {
  return view.msPerPx >= fitted(view.durationMs, view.width).msPerPx * 0.9999;
}

function limitedScale(view: Viewport, msPerPx: number): number {
  const widest = fitted(view.durationMs, view.width).msPerPx;
  const closest = MIN_SPAN_MS / Math.max(1, view.width);
  return Math.min(widest, Math.max(Math.min(closest, widest), msPerPx));
}

function settled(view: Viewport): Viewport {
  const air = AIR_PX * view.msPerPx;
  const last = Math.max(-air, view.durationMs + air - view.width * view.msPerPx);
  return { ...view, startMs: Math.min(last, Math.max(-air, view.startMs)) };
}
