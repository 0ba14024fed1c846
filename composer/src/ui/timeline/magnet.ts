/** The time a dragged marker or handle snaps to. Pure. */

import { toX, type Viewport } from "./viewport";

const REACH_PX = 7;

/** `tMs`, or the nearest of `marks` if that is close on the screen. */
export function attracted(tMs: number, marks: readonly number[], view: Viewport): { tMs: number; mark: number | null } {
  const x = toX(view, tMs);
  let best: number | null = null;
  for (const mark of marks) {
    const away = Math.abs(toX(view, mark) - x);
    if (away <= REACH_PX && (best === null || away < Math.abs(toX(view, best) - x))) best = mark;
  }
  return { tMs: best ?? tMs, mark: best };
}
