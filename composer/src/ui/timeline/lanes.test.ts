import { describe, expect, it } from "vitest";

import type { PreviewManifest } from "../../api/types";
import { lanesOf, without } from "./lanes";

const manifest: PreviewManifest = {
  version: 1,
  recording_id: "r",
  room_id: "room",
  zero_unix_ms: 0,
  duration_ms: 60_000,
  preset: "standard",
  segment_seconds: 4,
  engine: "1",
  peers: [
    {
      peer_id: "p",
      display_name: "Mei-Ling 陳",
      presence_ms: [[0, 55_040]],
      speech_ms: [[6_566, 12_957]],
      waveform: "peers/p/waveform.json",
      streams: [
        {
          name: "av",
          source: "camera",
          playlist: "peers/p/av.m3u8",
          codecs: "avc1",
          bandwidth: 1,
          segments: 15,
          tracks: [],
          width: 640,
          height: 480,
          fps: 30,
          spans: [
            { start_ms: 0, end_ms: 20_022, width: 640, height: 480, rect: { x: 0, y: 0, w: 640, h: 480 } },
            { start_ms: 35_048, end_ms: 55_006, width: 360, height: 640, rect: { x: 184, y: 0, w: 270, h: 480 } },
          ],
          stills: "peers/p/still_%04d.jpg",
          still_segments: [
            [1, 6],
            [9, 14],
          ],
        },
      ],
    },
  ],
  events: [],
  warnings: [],
};

describe("lanes", () => {
  const [lane] = lanesOf(manifest);

  it("tells when the camera was off, but not of the blink at the end", () => {
    expect(lane?.cameraOff).toEqual([[20_022, 35_048]]);
  });

  it("finds the pictures that exist, and where they lie in their frame", () => {
    expect(lane?.camera?.path(7)).toBe("peers/p/still_0007.jpg");
    expect([6, 7, 8, 9].map((segment) => lane?.camera?.has(segment))).toEqual([true, false, false, true]);
    expect(lane?.camera?.aspectAt(40_000)).toBeCloseTo(360 / 640);
    expect(lane?.camera?.insideAt(40_000)).toEqual({ x: 184 / 640, y: 0, w: 270 / 640, h: 1 });
  });

  it("knows that nobody shared a screen", () => expect(lane?.screen).toBeNull());
});

describe("without", () => {
  it.each([
    [[[0, 10]], [], [[0, 10]]],
    [[[0, 10]], [[0, 10]], []],
    [
      [[0, 10]],
      [[2, 4]],
      [
        [0, 2],
        [4, 10],
      ],
    ],
    [
      [
        [0, 10],
        [20, 30],
      ],
      [[5, 25]],
      [
        [0, 5],
        [25, 30],
      ],
    ],
    [
      [[5, 10]],
      [
        [0, 6],
        [8, 20],
      ],
      [[6, 8]],
    ],
  ] as const)("%j less %j is %j", (spans, taken, left) => expect(without(spans, taken)).toEqual(left));
});
