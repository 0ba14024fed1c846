import { describe, expect, it } from "vitest";

import { EMPTY } from "../composition/defaults";
import { pin } from "../composition/edits";
import type { CompositionState, TimelineEvent } from "../composition/types";
import {
  dragTrim,
  neighbours,
  trimIn,
  trimOf,
  trimOut,
  wantHidden,
  wantLayout,
  wantMuted,
  wantNoPin,
  wantPin,
  wantReleased,
} from "./composing";

const state = (...timeline: TimelineEvent[]): CompositionState => ({ ...EMPTY, timeline });

describe("composing", () => {
  it("adds no event for what holds anyway", () => {
    expect(wantLayout(EMPTY, 5_000, "grid")).toBe(EMPTY);
    expect(wantMuted(EMPTY, 5_000, "a", false)).toBe(EMPTY);
    const pinned = pin(EMPTY, 1_000, "a");
    expect(wantPin(pinned, 5_000, "a", "camera")).toBe(pinned);
  });

  it("takes an event back when its opposite is wanted at its very time", () => {
    expect(wantNoPin(pin(EMPTY, 1_000, "a"), 1_000).timeline).toEqual([]);
    expect(wantHidden(wantHidden(EMPTY, 2_000, "a", true), 2_000, "a", false).timeline).toEqual([]);
    expect(wantLayout(wantLayout(EMPTY, 3_000, "speaker"), 3_000, "grid").timeline).toEqual([]);
  });

  it("ends later what began earlier", () => {
    expect(wantNoPin(pin(EMPTY, 1_000, "a"), 4_000).timeline).toEqual([
      { t: 1_000, type: "pin", peer_id: "a", source: "camera" },
      { t: 4_000, type: "unpin" },
    ]);
  });

  it("changes the pin to another peer at the same time", () => {
    const other = wantPin(pin(EMPTY, 1_000, "a"), 1_000, "b", "screenshare");
    expect(other.timeline).toEqual([{ t: 1_000, type: "pin", peer_id: "b", source: "screenshare" }]);
  });

  it("respects what holds for the whole recording", () => {
    const muted: CompositionState = { ...EMPTY, tracks: [{ peer_id: "a", muted: true }] };
    expect(wantMuted(muted, 0, "a", true)).toBe(muted);
    expect(wantMuted(muted, 0, "a", false).timeline).toEqual([{ t: 0, type: "unmute", peer_id: "a" }]);
  });

  it("releases only what was placed", () => {
    const rect = { x: 0, y: 0, w: 0.5, h: 0.5 };
    const placed = state({ t: 1_000, type: "place", peer_id: "a", rect });
    expect(wantReleased(placed, 2_000, "a", "screenshare")).toBe(placed);
    expect(wantReleased(placed, 1_000, "a", "camera").timeline).toEqual([]);
    expect(wantReleased(placed, 2_000, "a", "camera").timeline).toHaveLength(2);
  });
});

describe("trim", () => {
  it("goes back to everything at the ends of the recording", () => {
    const cut = trimOut(trimIn(EMPTY, 5_000), 20_000, 60_000);
    expect(trimOf(cut, 60_000)).toEqual({ startMs: 5_000, endMs: 20_000 });
    expect(trimOf(trimOut(trimIn(cut, 0), 60_000, 60_000), 60_000)).toEqual({ startMs: 0, endMs: 60_000 });
  });

  it("never crosses itself", () => {
    const cut = trimOut(trimIn(EMPTY, 5_000), 20_000, 60_000);
    expect(trimOf(trimIn(cut, 30_000), 60_000)).toEqual({ startMs: 30_000, endMs: 60_000 });
    expect(trimOf(trimOut(cut, 2_000, 60_000), 60_000)).toEqual({ startMs: 0, endMs: 2_000 });
  });

  it("keeps the other side while one is dragged across it and back", () => {
    const cut = trimOut(trimIn(EMPTY, 5_000), 20_000, 60_000);
    const drag = (side: "in" | "out", ...path: readonly number[]) =>
      trimOf(
        path.reduce((dragged, tMs) => dragTrim(dragged, side, tMs, 60_000), cut),
        60_000,
      );
    expect(drag("in", 30_000)).toEqual({ startMs: 19_966, endMs: 20_000 });
    expect(drag("in", 30_000, 8_000)).toEqual({ startMs: 8_000, endMs: 20_000 });
    expect(drag("out", 2_000, 9_000)).toEqual({ startMs: 5_000, endMs: 9_000 });
  });
});

describe("neighbours", () => {
  it("skip the event under the playhead", () => {
    const known = state({ t: 1_000, type: "unpin" }, { t: 2_000, type: "unpin" }, { t: 3_000, type: "unpin" });
    expect(neighbours(known, 2_000)).toEqual({ before: 1_000, after: 3_000 });
    expect(neighbours(known, 500)).toEqual({ before: null, after: 1_000 });
  });

  it("are found from the frame that shows an event which begins between two frames", () => {
    const known = state({ t: 1_000, type: "unpin" }, { t: 3_340, type: "unpin" }, { t: 5_000, type: "unpin" });
    expect(neighbours(known, 3_366.67)).toEqual({ before: 1_000, after: 5_000 });
    expect(neighbours(known, 3_333.34)).toEqual({ before: 1_000, after: 3_340 });
  });
});
