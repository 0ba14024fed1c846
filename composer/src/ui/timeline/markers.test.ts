import { describe, expect, it } from "vitest";

import { EMPTY } from "../../composition/defaults";
import type { TimelineEvent } from "../../composition/types";
import { markersOf, openingLayout, told } from "./markers";

const nameOf = (id: string) => ({ a: "Ada", b: "Bo" })[id] ?? id;
const state = (...timeline: TimelineEvent[]) => ({ ...EMPTY, timeline });

describe("markers", () => {
  it("last until what ends them", () => {
    const markers = markersOf(
      state(
        { t: 1_000, type: "layout", layout: "speaker" },
        { t: 2_000, type: "hide", peer_id: "a" },
        { t: 3_000, type: "hide", peer_id: "b" },
        { t: 4_000, type: "show", peer_id: "a" },
        { t: 5_000, type: "layout", layout: "grid" },
      ),
      10_000,
      nameOf,
    );
    expect(markers.map((marker) => [marker.tMs, marker.endMs])).toEqual([
      [1_000, 5_000],
      [2_000, 4_000],
      [3_000, 10_000],
      [4_000, 4_000],
      [5_000, 10_000],
    ]);
  });

  it("keeps a placed screen apart from a placed camera", () => {
    const rect = { x: 0, y: 0, w: 0.5, h: 0.5 };
    const markers = markersOf(
      state(
        { t: 0, type: "place", peer_id: "a", rect },
        { t: 1_000, type: "place", peer_id: "a", source: "screenshare", rect },
        { t: 2_000, type: "unplace", peer_id: "a" },
      ),
      9_000,
      nameOf,
    );
    expect(markers.map((marker) => marker.endMs)).toEqual([2_000, 9_000, 2_000]);
    expect(markers[1]?.label).toBe("Screen");
  });

  it("ends a text after its own duration, and not after the recording", () => {
    const rect = { x: 0, y: 0, w: 0.5, h: 0.1 };
    const text = { type: "text", text: "Hello", rect, duration_ms: 4_000 } as const;
    expect(markersOf(state({ t: 1_000, ...text }, { t: 8_000, ...text }), 10_000, nameOf).map((m) => m.endMs)).toEqual([
      5_000, 10_000,
    ]);
  });

  it("puts what is said of a peer on that peer's lane", () => {
    const lanes = markersOf(
      state({ t: 0, type: "pin", peer_id: "a" }, { t: 1, type: "mute", peer_id: "b" }),
      10,
      nameOf,
    ).map((marker) => marker.lane);
    expect(lanes).toEqual(["pin", "peer:b"]);
  });

  it("survives events after the end of the recording", () => {
    const [marker] = markersOf(state({ t: 99_000, type: "layout", layout: "pip" }), 10_000, nameOf);
    expect(marker?.endMs).toBe(99_000);
  });

  it("says what it is", () => {
    expect(told({ t: 2_000, type: "pin", peer_id: "b", source: "screenshare" }, nameOf)).toBe("Pin Bo’s screen");
  });
});

describe("opening layout", () => {
  it("holds until the first layout event", () => {
    expect(openingLayout(state({ t: 5_000, type: "layout", layout: "grid" }), 9_000)).toEqual({
      layout: "grid",
      endMs: 5_000,
    });
    expect(openingLayout(state(), 9_000)).toEqual({ layout: "grid", endMs: 9_000 });
    expect(openingLayout(state({ t: 0, type: "layout", layout: "pip" }), 9_000)).toBeNull();
  });
});
