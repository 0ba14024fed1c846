/**
 * Which layers must be painted again, as compositing/canvas.py finds them: those that changed, what lies above them, and
 * what shines through. Most pictures of most frames are those of the frame before, and painting is what costs. Pure.
 */

import type { Rect } from "../plan/types";
import type { Layer } from "./layers";

/** The smallest rectangle around a layer and its label. */
export function extentOf({ rect, label }: Layer): Rect {
  if (label === null) return rect;
  const [x, y] = [Math.min(rect.x, label.rect.x), Math.min(rect.y, label.rect.y)];
  const right = Math.max(rect.x + rect.w, label.rect.x + label.rect.w);
  const bottom = Math.max(rect.y + rect.h, label.rect.y + label.rect.h);
  return { x, y, w: right - x, h: bottom - y };
}

/** Whether what lies below is seen anywhere in the layer's extent. */
export function isSeeThrough(layer: Layer): boolean {
  return layer.opacity < 1 || layer.radius > 0 || !layer.isOpaque || extentOf(layer) !== layer.rect;
}

/** The layers of `now` to paint, in order, where `before` is painted; null: all of them, on a clear canvas. */
export function damage(now: readonly Layer[], before: readonly Layer[]): readonly Layer[] | null {
  if (now.length !== before.length || !now.every((layer, i) => sameOutline(layer, before[i]))) return null;
  const changed = now.flatMap((layer, i) => (samePicture(layer, before[i]) ? [] : [i]));
  return [...withNeighbours(now, changed)].sort((a, b) => a - b).flatMap((i) => now[i] ?? []);
}

/** `changed`, the layers above that they meet, and those below that shine through. */
function withNeighbours(layers: readonly Layer[], changed: readonly number[]): ReadonlySet<number> {
  const found = new Set(changed);
  const queue = [...changed];
  for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
    const layer = layers[i];
    if (layer === undefined) continue;
    for (let j = isSeeThrough(layer) ? 0 : i + 1; j < layers.length; j++) {
      const other = layers[j];
      if (other === undefined || found.has(j) || !meet(extentOf(layer), extentOf(other))) continue;
      found.add(j);
      queue.push(j);
    }
  }
  return found;
}

function sameOutline(a: Layer, b: Layer | undefined): boolean {
  if (b === undefined) return false;
  return (
    a.tile.tile_id === b.tile.tile_id &&
    a.tile.kind === b.tile.kind &&
    sameRect(a.rect, b.rect) &&
    a.radius === b.radius &&
    a.opacity === b.opacity &&
    a.label?.image === b.label?.image &&
    (a.label === null || b.label === null || sameRect(a.label.rect, b.label.rect))
  );
}

function samePicture(a: Layer, b: Layer | undefined): boolean {
  return (
    a.frame === b?.frame &&
    a.version === b.version &&
    a.picture?.image === b.picture?.image &&
    (a.picture === null || b.picture === null || sameRect(a.picture.from, b.picture.from)) &&
    a.fills.length === b.fills.length &&
    a.fills.every(({ rect, colour }, i) => b.fills[i]?.colour === colour && sameRect(rect, b.fills[i].rect))
  );
}

function sameRect(a: Rect, b: Rect): boolean {
  return a.x === b.x && a.y === b.y && a.w === b.w && a.h === b.h;
}

function meet(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
