/** Where a ruler has its marks. Pure. */

import { clock } from "../format";
import { endMs, toX, type Viewport } from "./viewport";

export interface Tick {
  readonly x: number;
  readonly tMs: number;
  /** Marks without a text are the short ones between. */
  readonly text: string | null;
}

/** Distances between written marks, and into how many parts each is divided. */
const STEPS: readonly (readonly [number, number])[] = [
  [100, 2],
  [200, 4],
  [500, 5],
  [1_000, 5],
  [2_000, 4],
  [5_000, 5],
  [10_000, 5],
  [15_000, 3],
  [30_000, 6],
  [60_000, 6],
  [120_000, 4],
  [300_000, 5],
  [600_000, 5],
  [900_000, 3],
  [1_800_000, 6],
  [3_600_000, 6],
  [7_200_000, 4],
  [21_600_000, 6],
];

/** How far apart texts stand at least. */
const APART_PX = 76;

export function ticks(view: Viewport): readonly Tick[] {
  const [step, parts] = stepOf(view);
  const small = step / parts;
  const first = Math.max(0, Math.ceil(view.startMs / small));
  const last = Math.floor(Math.min(endMs(view), view.durationMs) / small);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => tick(view, first + i, small, parts, step));
}

function tick(view: Viewport, number: number, small: number, parts: number, step: number): Tick {
  const tMs = number * small;
  const text = number % parts === 0 ? clock(tMs, step < 1000 ? 1 : 0) : null;
  return { x: toX(view, tMs), tMs, text };
}

function stepOf(view: Viewport): readonly [number, number] {
  const widest: readonly [number, number] = [86_400_000, 4];
  return STEPS.find(([ms]) => ms / view.msPerPx >= APART_PX) ?? widest;
}
