/**
 * What is on the canvas while one scene turns into the next: the page's copy of compositing/transition.py.
 *
 * Both give the same for tests/golden/easing.json. Whoever changes one changes the other.
 */

import { evenRect } from "./geometry";
import type { Easing, Label, Rect, Scene, Tile } from "./types";

/** `progress` in [0, 1] bent by `easing`; 0 and 1 stay where they are. */
export function ease(easing: Easing, progress: number): number {
  return easing === "smoothstep" ? progress * progress * (3 - 2 * progress) : progress;
}

/** How far the transition into `scene` has come at `tMs`, in [0, 1]; 1 where there is none. */
export function progressOf(scene: Scene, tMs: number): number {
  const { transition } = scene;
  if (transition === null) return 1;
  const elapsed = tMs - scene.start_ms + (transition.elapsed_ms ?? 0);
  return ease(transition.easing, Math.min(1, Math.max(0, elapsed / transition.duration_ms)));
}

/** The tiles to draw at `tMs`, in drawing order; `scene.tiles` itself where nothing moves. */
export function tilesOf(scene: Scene, previous: Scene | null, tMs: number): readonly Tile[] {
  const origin = originOf(scene, previous);
  const done = progressOf(scene, tMs);
  return origin === null || done >= 1 ? scene.tiles : between(origin, scene.tiles, done);
}

/** What the transition into `scene` sets out from; null where there is nothing to set out from. */
export function originOf(scene: Scene, previous: Scene | null): readonly Tile[] | null {
  if (scene.transition === null) return null;
  return scene.transition.origin ?? previous?.tiles ?? null;
}

/** The tiles when the share `done` of the way from `before` to `after` is made. */
export function between(before: readonly Tile[], after: readonly Tile[], done: number): readonly Tile[] {
  const old = new Map(before.map((tile) => [tile.tile_id, tile]));
  const staying = new Set(after.map((tile) => tile.tile_id));
  const leaving = before
    .filter((tile) => !staying.has(tile.tile_id))
    .map((tile) => ({ area: area(tile), tile: faded(tile, 1 - done) }));
  const arriving = after.map((tile) => ({
    area: Math.min(area(tile), area(old.get(tile.tile_id) ?? tile)),
    tile: moved(old.get(tile.tile_id), tile, done),
  }));
  return [...leaving, ...arriving].sort((a, b) => a.tile.z - b.tile.z || b.area - a.area).map((drawn) => drawn.tile);
}

/** The rectangle the share `done` of the way from `before` to `after`, on even pixels. */
export function betweenRects(before: Rect, after: Rect, done: number): Rect {
  const left = mix(before.x, after.x, done);
  const top = mix(before.y, after.y, done);
  const right = mix(before.x + before.w, after.x + after.w, done);
  const bottom = mix(before.y + before.h, after.y + after.h, done);
  return evenRect(left, top, right - left, bottom - top);
}

/** The label at the same distance from the lower left corner of the tile on its way; null if too large. */
export function carriedLabel(label: Label | null, home: Rect, rect: Rect): Label | null {
  if (label === null) return null;
  const x = rect.x + label.rect.x - home.x;
  const y = rect.y + rect.h - (home.y + home.h - label.rect.y);
  if (y < rect.y || x + label.rect.w > rect.x + rect.w) return null;
  return { ...label, rect: { ...label.rect, x, y } };
}

function moved(old: Tile | undefined, tile: Tile, done: number): Tile {
  if (old === undefined) return faded(tile, done);
  if (sameRect(old.rect, tile.rect) && old.opacity === tile.opacity) return tile;
  const rect = betweenRects(old.rect, tile.rect, done);
  const opacity = mix(old.opacity, tile.opacity, done);
  return { ...tile, rect, opacity, label: carriedLabel(tile.label, tile.rect, rect) };
}

function sameRect(a: Rect, b: Rect): boolean {
  return a.x === b.x && a.y === b.y && a.w === b.w && a.h === b.h;
}

function area(tile: Tile): number {
  return tile.rect.w * tile.rect.h;
}

function faded(tile: Tile, share: number): Tile {
  return { ...tile, opacity: tile.opacity * share };
}

function mix(before: number, after: number, done: number): number {
  return before + (after - before) * done;
}
