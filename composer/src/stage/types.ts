/** The canvas as others see it. */

import type { Rect, Tile } from "../plan/types";

/** What a drag shows before the next plan settles it: tiles by id with another rectangle. */
export type Draft = ReadonlyMap<string, Rect>;

export interface StageView {
  /** Put it where it shall be seen; it fills the width it is given, keeping the plan's proportions (CSS). */
  readonly canvas: HTMLCanvasElement;
  /** The tiles drawn last, in drawing order. */
  tiles(): readonly Tile[];
  /** Draws ahead of the plan while something is dragged; null: the plan alone. */
  setDraft(draft: Draft | null): void;
  /** Resolves when paused, and every visible tile shows its picture of the current time, and it is drawn. */
  settled(): Promise<void>;
  /** What is shown now at the plan's own resolution, as PNG. */
  snapshot(): Promise<Blob>;
}
