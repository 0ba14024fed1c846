/**
 * Which streams play at a moment, and in which rendition: a pure function of the plan.
 *
 * First what is seen now, large tiles before small ones; then who is heard without being seen; then what is seen or
 * heard soon, so that it is ready in time. No more than `limit` in all: browsers decode only so many.
 */

import { momentAt, tilesDuring } from "../plan/at";
import { fitPicture } from "../plan/geometry";
import { meets, spanAt } from "../plan/spans";
import type { Plan, Tile } from "../plan/types";
import { shapeAt } from "./shapes";
import { cameraId } from "./sources";
import type { StreamId, StreamSource } from "./types";

export type RenditionName = "full" | "low";

export interface Wanted {
  readonly id: StreamId;
  readonly rendition: RenditionName;
  /** Seen or heard now: playing waits for it. */
  readonly isNeeded: boolean;
  readonly isSeen: boolean;
}

export interface Viewing {
  /** Pixels of the screen for one pixel of the plan's canvas. */
  readonly scale: number;
  readonly quality: "auto" | "full";
  readonly limit: number;
}

/** How long before it is seen or heard a stream is attached. */
export const AHEAD_MS = 5_000;
/** A tile that takes so much of the canvas is large, whatever the window. */
const LARGE_SHARE = 0.2;
/** The low rendition may be enlarged this much. */
const LOW_ENLARGED = 1.5;

export function wantedAt(
  plan: Plan,
  tMs: number,
  sources: ReadonlyMap<StreamId, StreamSource>,
  viewing: Viewing,
): readonly Wanted[] {
  const moment = momentAt(plan, tMs);
  const seen = videoTiles(moment?.tiles ?? []).sort((a, b) => area(b) - area(a));
  const soon = videoTiles(tilesDuring(plan, tMs, tMs + AHEAD_MS));
  const found = new Map<StreamId, Wanted>();
  const add = (id: StreamId, tile: Tile | null, isNeeded: boolean, isSeen: boolean) => {
    const source = sources.get(id);
    if (source === undefined || found.has(id)) return;
    found.set(id, {
      id,
      rendition: tile === null ? lowest(source) : chosen(plan, tile, source, tMs, viewing),
      isNeeded,
      isSeen,
    });
  };
  for (const tile of seen) add(tile.tile_id, tile, true, true);
  for (const id of heard(plan, (spans) => spanAt(spans, tMs) !== null)) add(id, null, true, false);
  for (const tile of soon) add(tile.tile_id, tile, false, false);
  for (const id of heard(plan, (spans) => meets(spans, tMs, tMs + AHEAD_MS))) add(id, null, false, false);
  return [...found.values()].slice(0, viewing.limit);
}

function videoTiles(tiles: readonly Tile[]): Tile[] {
  return tiles.filter((tile) => tile.kind === "video");
}

/** Those who are heard, in the order of the plan. */
function heard(plan: Plan, when: (spans: Plan["audio"][number]["spans_ms"]) => boolean): StreamId[] {
  return plan.audio.filter((peer) => when(peer.spans_ms)).map((peer) => cameraId(peer.peer_id));
}

function chosen(plan: Plan, tile: Tile, source: StreamSource, tMs: number, viewing: Viewing): RenditionName {
  const low = source.low?.size ?? null;
  if (viewing.quality === "full" || low === null) return "full";
  if (area(tile) >= LARGE_SHARE * plan.canvas.w * plan.canvas.h) return "full";
  const shape = shapeAt(source.low?.shapes ?? [], tMs);
  const size = shape === null ? low : { w: shape.width, h: shape.height };
  const held = shape === null ? low : { w: shape.rect.w, h: shape.rect.h };
  const { part, place } = fitPicture(size, tile.rect, tile.fit, tile.crop);
  const enlarged = (place.h * viewing.scale) / ((part.h * held.h) / size.h);
  return enlarged > LOW_ENLARGED ? "full" : "low";
}

function lowest(source: StreamSource): RenditionName {
  return source.low === null ? "full" : "low";
}

function area(tile: Tile): number {
  return tile.rect.w * tile.rect.h;
}
