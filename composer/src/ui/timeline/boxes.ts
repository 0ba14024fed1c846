/** Where markers lie on the screen, and which of them a pointer means. Pure; only those in sight are looked at. */

import type { LaneId, Marker } from "./markers";
import type { PeerRow, Rows } from "./rows";
import { toX, type Viewport } from "./viewport";

export interface Box {
  readonly marker: Marker;
  /** The whole span, cut to a little more than the view. */
  readonly x: number;
  readonly w: number;
  readonly y: number;
  readonly h: number;
  /** What is grasped to move it, from `x` on. */
  readonly grip: number;
  /** Too near to the next of its kind for its pictogram. */
  readonly isTight: boolean;
}

export const CHIP_PX = 16;
const GRIP_PX = 12;
const TIGHT_PX = 4;

/** Boxes of the head's lanes. */
export function headBoxes(markers: readonly Marker[], rows: Rows, view: Viewport): readonly Box[] {
  return rows.head.flatMap((row) =>
    ofLane(markers, row.id as LaneId).flatMap((marker) => block(marker, row.y + 3, row.h - 6, view) ?? []),
  );
}

/** Boxes of the peers' lanes: a chip where an event is, and the line of what it began. */
export function peerBoxes(markers: readonly Marker[], rows: Rows, view: Viewport): readonly Box[] {
  const byLane = grouped(markers);
  return rows.peers.flatMap((row) => {
    const own = byLane.get(`peer:${row.lane.peerId}`) ?? [];
    return (["place", "hide", "mute"] as const).flatMap((kind) =>
      chips(
        own.filter((marker) => marker.kind === kind),
        chipY(row, kind),
        view,
      ),
    );
  });
}

/** The topmost box whose grip, else whose body, holds the point; `slop` widens grips for fingers. */
export function boxAt(boxes: readonly Box[], x: number, y: number, slop: number): { box: Box; isGrip: boolean } | null {
  const inRow = boxes.filter((box) => y >= box.y - slop && y < box.y + box.h + slop);
  const gripped = nearest(
    inRow.filter((box) => x >= box.x - slop && x < box.x + box.grip + slop),
    x,
  );
  if (gripped !== null) return { box: gripped, isGrip: true };
  const body = inRow.findLast((box) => x >= box.x && x < box.x + box.w);
  return body === undefined ? null : { box: body, isGrip: false };
}

function grouped(markers: readonly Marker[]): ReadonlyMap<LaneId, readonly Marker[]> {
  const groups = new Map<LaneId, Marker[]>();
  for (const marker of markers) {
    const known = groups.get(marker.lane);
    if (known === undefined) groups.set(marker.lane, [marker]);
    else known.push(marker);
  }
  return groups;
}

function nearest(boxes: readonly Box[], x: number): Box | null {
  const away = (box: Box) => Math.abs(box.x + box.grip / 2 - x);
  return boxes.reduce<Box | null>((best, box) => (best === null || away(box) <= away(best) ? box : best), null);
}

function ofLane(markers: readonly Marker[], lane: LaneId): readonly Marker[] {
  return markers.filter((marker) => marker.lane === lane);
}

function block(marker: Marker, y: number, h: number, view: Viewport): Box | null {
  const x = toX(view, marker.tMs);
  const end = Math.max(toX(view, marker.endMs), x + TIGHT_PX);
  if (end < -GRIP_PX || x > view.width + GRIP_PX) return null;
  const w = end - x;
  return { marker, x, w, y, h, grip: Math.min(GRIP_PX, Math.max(TIGHT_PX, w)), isTight: w < 3 * GRIP_PX };
}

function chips(markers: readonly Marker[], y: number, view: Viewport): readonly Box[] {
  return markers.flatMap((marker, i) => {
    const x = toX(view, marker.tMs);
    const next = markers[i + 1];
    const isTight = next !== undefined && toX(view, next.tMs) - x < CHIP_PX;
    const grip = isTight ? TIGHT_PX : CHIP_PX;
    const end = Math.max(toX(view, marker.endMs), x + grip);
    if (end < 0 || x > view.width) return [];
    return [{ marker, x, w: end - x, y, h: CHIP_PX, grip, isTight }];
  });
}

/** What concerns the picture lies on the film, what concerns the sound on the waveform. */
function chipY(row: PeerRow, kind: "place" | "hide" | "mute"): number {
  if (kind === "place") return row.film.y - 2;
  if (kind === "hide") return row.film.y + row.film.h - CHIP_PX + 2;
  return row.wave.y + (row.wave.h - CHIP_PX) / 2;
}
