/** Which rows a timeline has, and where: the head, which stays, and a lane for each peer, which scroll. Pure. */

import type { PeerLane } from "./lanes";
import type { LaneId, Marker } from "./markers";

export interface Band {
  readonly y: number;
  readonly h: number;
}

export interface HeadRow extends Band {
  readonly id: LaneId | "ruler";
}

export interface PeerRow extends Band {
  readonly lane: PeerLane;
  readonly film: Band;
  readonly wave: Band;
  readonly screen: Band | null;
}

export interface Rows {
  readonly head: readonly HeadRow[];
  readonly headHeight: number;
  readonly peers: readonly PeerRow[];
  readonly peersHeight: number;
}

export const RULER_PX = 26;
const LAYOUT_PX = 30;
const EXTRA_PX = 24;
const PAD_PX = 4;
const FILM_PX = 27;
const WAVE_PX = 21;
const SCREEN_PX = 24;

export function rowsOf(lanes: readonly PeerLane[], markers: readonly Marker[]): Rows {
  const extras = (["pin", "text"] as const).filter((lane) => markers.some((marker) => marker.lane === lane));
  const head: readonly HeadRow[] = stacked<{ id: HeadRow["id"]; h: number }>([
    { id: "ruler", h: RULER_PX },
    { id: "layout", h: LAYOUT_PX },
    ...extras.map((id) => ({ id, h: EXTRA_PX })),
  ]);
  const peers = stacked(lanes.map((lane) => ({ lane, h: heightOf(lane) }))).map(inside);
  return { head, headHeight: bottomOf(head), peers, peersHeight: bottomOf(peers) };
}

/** The peer whose row holds `y`; null below the last. */
export function peerRowAt(rows: Rows, y: number): PeerRow | null {
  return rows.peers.find((row) => y >= row.y && y < row.y + row.h) ?? null;
}

function heightOf(lane: PeerLane): number {
  return PAD_PX + FILM_PX + 1 + WAVE_PX + (lane.screen === null ? 0 : SCREEN_PX + 2) + PAD_PX;
}

function inside({ lane, y, h }: Band & { readonly lane: PeerLane }): PeerRow {
  const film = { y: y + PAD_PX, h: FILM_PX };
  const wave = { y: film.y + film.h + 1, h: WAVE_PX };
  return { lane, y, h, film, wave, screen: lane.screen === null ? null : { y: wave.y + wave.h + 2, h: SCREEN_PX } };
}

function stacked<T extends { readonly h: number }>(rows: readonly T[]): readonly (T & Band)[] {
  let y = 0;
  return rows.map((row) => {
    const placed = { ...row, y };
    y += row.h;
    return placed;
  });
}

function bottomOf(bands: readonly Band[]): number {
  const last = bands.at(-1);
  return last === undefined ? 0 : last.y + last.h;
}
