import { describe, expect, it } from "vitest";

import { plan, scene, tile } from "../shared/fixtures";
import {
  eventTimeMs,
  firstFrameMs,
  frameNumber,
  frameTimeMs,
  momentAt,
  nearestEventTimeMs,
  nudgeMs,
  sceneIndexAt,
  tilesDuring,
} from "./at";
import { meets, spanAt } from "./spans";

const MEETING = plan(
  [
    scene(0, 1000, [tile("ada")]),
    scene(1000, 2000, [tile("ben", { z: 3 }), tile("ada", { z: 1 })], {
      transition: { duration_ms: 200, easing: "linear" },
    }),
    scene(2000, 3000, [tile("cleo")]),
  ],
  {
    speech: [
      {
        peer_id: "ada",
        spans_ms: [
          [0, 500],
          [1500, 1600],
        ],
      },
    ],
    nudge_ms: [{ peer_id: "ben", nudge_ms: -40 }],
  },
);

describe("the plan at an instant", () => {
  it.each([
    [-5, 0],
    [0, 0],
    [999.9, 0],
    [1000, 1],
    [2000, 2],
    [9000, 2],
  ])("finds the scene at %d ms", (t, index) => expect(sceneIndexAt(MEETING, t)).toBe(index));

  it("draws tiles in order of z", () => {
    expect(momentAt(MEETING, 1999)?.tiles.map(({ peer_id }) => peer_id)).toEqual(["ada", "ben"]);
  });

  it("fades in who is new", () => {
    const ben = momentAt(MEETING, 1050)?.tiles.find(({ peer_id }) => peer_id === "ben");
    expect(ben?.opacity).toBeCloseTo(0.25);
  });

  it("knows who speaks; the end of a span is outside it", () => {
    const speaks = (t: number) => momentAt(MEETING, t)?.speaking.has("ada");
    expect([speaks(0), speaks(499), speaks(500), speaks(1500), speaks(1600)]).toEqual([true, true, false, true, false]);
  });

  it("is nothing for a plan without scenes", () => expect(momentAt(plan([]), 0)).toBeNull());

  it("lists every tile that is seen during a span, once", () => {
    expect(tilesDuring(MEETING, 900, 1100).map(({ peer_id }) => peer_id)).toEqual(["ada", "ben"]);
    expect(tilesDuring(MEETING, 0, 1000).map(({ peer_id }) => peer_id)).toEqual(["ada"]);
  });

  it("shifts who is nudged", () => expect([nudgeMs(MEETING, "ben"), nudgeMs(MEETING, "ada")]).toEqual([-40, 0]));
});

describe("frames", () => {
  it.each([24, 25, 30, 50, 60])("give their own number back at %d fps", (fps) => {
    for (let n = 0; n < 1000; n++) expect(frameNumber((n * 1000) / fps, fps)).toBe(n);
  });

  it("are on screen until the next", () => {
    expect(frameTimeMs(33, 30)).toBe(0);
    expect(frameTimeMs(34, 30)).toBeCloseTo(33.33, 1);
  });
});

describe("spans", () => {
  const spans = [
    [0, 10],
    [20, 30],
  ] as const;
  it("hold their start, not their end", () => {
    expect([spanAt(spans, 0), spanAt(spans, 10), spanAt(spans, 29.9), spanAt(spans, 30)]).toEqual([
      [0, 10],
      null,
      [20, 30],
      null,
    ]);
  });

  it("meet what they overlap, not what they touch", () => {
    expect([meets(spans, 10, 20), meets(spans, 9, 20), meets(spans, 10, 21), meets(spans, 30, 99)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

describe("an event of a frame", () => {
  const frames = Array.from({ length: 2_000 }, (_, n) => n);

  it.each([15, 24, 25, 30, 50, 60])("is shown by that frame and found again there, at %d fps", (fps) => {
    for (const n of frames) {
      const t = eventTimeMs(frameTimeMs((n * 1000) / fps, fps), fps);
      expect(frameNumber(firstFrameMs(t, fps), fps)).toBe(n);
      expect(eventTimeMs(firstFrameMs(t, fps), fps)).toBe(t);
    }
  });

  it("is not shown by the frame before, which a time in whole milliseconds falls into", () => {
    expect(frameNumber(3_333, 30)).toBe(99);
    expect(frameNumber(firstFrameMs(3_333, 30), 30)).toBe(100);
    expect(frameNumber(firstFrameMs(3_334, 30), 30)).toBe(101);
  });

  it("lands on the frame that is nearest to where it is moved to", () => {
    const playheads = frames.map((n) => nearestEventTimeMs((n * 1000) / 30, 30));
    expect(playheads).toEqual(frames.map((n) => eventTimeMs((n * 1000) / 30, 30)));
    expect([3_340, 3_349, 3_351, 3_366.67].map((t) => nearestEventTimeMs(t, 30))).toEqual([3_333, 3_333, 3_366, 3_366]);
  });
});
