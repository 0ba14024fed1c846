/** What a tile is called, and what can be done with it. Pure. */

import type { CompositionState, Source } from "../../composition/types";
import { pinnedAt, placedAt } from "../../composition/at";
import type { Tile } from "../../plan/types";

export interface TileFacts {
  readonly tile: Tile;
  readonly name: string;
  readonly peerId: string | null;
  readonly source: Source;
  readonly isPinned: boolean;
  readonly isPlaced: boolean;
}

export function factsOf(tile: Tile, state: CompositionState, tMs: number, nameOf: (id: string) => string): TileFacts {
  const { peer_id: peerId, source } = tile;
  const pinned = pinnedAt(state, tMs);
  const from = source ?? "camera";
  return {
    tile,
    name: nameOfTile(tile, nameOf),
    peerId,
    source: from,
    isPinned: peerId !== null && pinned?.peerId === peerId && pinned.source === from,
    isPlaced: peerId !== null && placedAt(state, tMs, peerId, from) !== null,
  };
}

export function nameOfTile(tile: Tile, nameOf: (id: string) => string): string {
  if (tile.kind === "text") return `Text “${tile.text ?? ""}”`;
  if (tile.kind === "image") return "Image";
  const name = nameOf(tile.peer_id ?? "");
  return tile.source === "screenshare" ? `${name}’s screen` : name;
}

/** For screen readers: who, what, and how it stands. */
export function spokenTile({ tile, name, isPinned, isPlaced }: TileFacts): string {
  const parts = [name];
  if (tile.kind === "avatar") parts.push("camera off");
  if (isPinned) parts.push("pinned");
  if (isPlaced) parts.push("placed by hand");
  return parts.join(", ");
}
