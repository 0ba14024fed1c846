import { describe, expect, it } from "vitest";

import { EMPTY } from "../../composition/defaults";
import type { TimelineEvent } from "../../composition/types";
import { boxAt, headBoxes, peerBoxes } from "./boxes";
import { NEUTRAL_HUE, type PeerLane } from "./lanes";
import { attracted } from "./magnet";
import { markersOf } from "./markers";
import { peerRowAt, rowsOf } from "./rows";
import { fitted, toX, zoomed } from "./viewport";

const lane = (peerId: string): PeerLane => ({
  peerId,
  name: peerId,
  hue: NEUTRAL_HUE,
  presence: [],
  speech: [],
  cameraOff: [],
  waveform: null,
  camera: null,
  screen: null,
});

function scene(timeline: readonly TimelineEvent[], durationMs = 100_000) {
  const markers = markersOf({ ...EMPTY, timeline }, durationMs, (id) => id);
  const rows = rowsOf([lane("a"), lane("b")], markers);
  return { markers, rows, view: fitted(durationMs, 1028) };
}

describe("rows", () => {
  it("has lanes for pins and texts only where there are some", () => {
    expect(scene([]).rows.head.map((row) => row.id)).toEqual(["ruler", "layout"]);
    expect(scene([{ t: 0, type: "pin", peer_id: "a" }]).rows.head.map((row) => row.id)).toEqual([
      "ruler",
      "layout",
      "pin",
    ]);
  });

  it("finds the peer under the pointer", () => {
    const { rows } = scene([]);
    const second = rows.peers[1];
    expect(peerRowAt(rows, (second?.y ?? 0) + 1)?.lane.peerId).toBe("b");
    expect(peerRowAt(rows, rows.peersHeight)).toBeNull();
  });
});

describe("boxes", () => {
  const timeline: TimelineEvent[] = [
    { t: 10_000, type: "layout", layout: "speaker" },
    { t: 50_000, type: "layout", layout: "grid" },
  ];

  it("are grasped at their beginning and hit over their length", () => {
    const { markers, rows, view } = scene(timeline);
    const boxes = headBoxes(markers, rows, view);
    const [first] = boxes;
    const y = (first?.y ?? 0) + 5;
    expect(boxAt(boxes, toX(view, 10_000) + 3, y, 0)).toMatchObject({ box: { marker: { index: 0 } }, isGrip: true });
    expect(boxAt(boxes, toX(view, 30_000), y, 0)).toMatchObject({ box: { marker: { index: 0 } }, isGrip: false });
    expect(boxAt(boxes, toX(view, 5_000), y, 0)).toBeNull();
    expect(boxAt(boxes, toX(view, 50_000) - 6, y, 8)).toMatchObject({ box: { marker: { index: 1 } }, isGrip: true });
  });

  it("prefers the nearest of two that overlap", () => {
    const { markers, rows, view } = scene([
      { t: 10_000, type: "hide", peer_id: "a" },
      { t: 10_500, type: "show", peer_id: "a" },
    ]);
    const boxes = peerBoxes(markers, rows, view);
    expect(boxAt(boxes, toX(view, 10_000) + 1, (boxes[0]?.y ?? 0) + 2, 6)?.box.marker.index).toBe(0);
    expect(boxAt(boxes, toX(view, 10_500) + 9, (boxes[0]?.y ?? 0) + 2, 6)?.box.marker.index).toBe(1);
  });

  it("are made only for what is in sight, of hundreds", () => {
    const many = Array.from({ length: 500 }, (_, i) => ({ t: i * 14_400, type: "mute" as const, peer_id: "a" }));
    const { markers, rows, view } = scene(many, 7_200_000);
    expect(peerBoxes(markers, rows, view)).toHaveLength(500);
    expect(peerBoxes(markers, rows, zoomed(view, 100, 500)).length).toBeLessThan(10);
  });
});

describe("magnet", () => {
  it("attracts within a few pixels, at any scale", () => {
    const view = fitted(100_000, 1028); // 100 ms a pixel
    expect(attracted(10_600, [10_000, 11_500], view)).toEqual({ tMs: 10_000, mark: 10_000 });
    expect(attracted(10_800, [10_000, 11_500], view)).toEqual({ tMs: 11_500, mark: 11_500 });
    expect(attracted(12_500, [10_000, 11_500], view)).toEqual({ tMs: 12_500, mark: null });
    expect(attracted(10_600, [10_000], zoomed(view, 20, 100))).toEqual({ tMs: 10_600, mark: null });
  });
});
