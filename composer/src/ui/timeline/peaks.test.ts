import { describe, expect, it } from "vitest";

import { loudnessBetween, peaksOf } from "./peaks";

function waveform(pairs: readonly (readonly [number, number])[]) {
  return peaksOf({
    version: 2,
    channels: 1,
    sample_rate: 48_000,
    samples_per_pixel: 480,
    bits: 8,
    length: pairs.length,
    data: pairs.flat(),
  });
}

describe("peaks", () => {
  it("knows how long a peak lasts", () => expect(waveform([[0, 0]]).msPerPeak).toBe(10));

  it("takes the louder side of a pair", () => {
    expect(loudnessBetween(waveform([[-127, 3]]), 0, 10)).toBe(1);
    expect(loudnessBetween(waveform([[-128, 3]]), 0, 10)).toBe(1);
  });

  it("never loses a click, however far out", () => {
    const pairs = Array.from({ length: 100_000 }, (_, i) => (i === 54_321 ? ([-90, 100] as const) : ([0, 0] as const)));
    const peaks = waveform(pairs);
    for (const span of [10, 100, 1_000, 60_000, 1_000_000]) {
      const from = 543_210 - (543_210 % span);
      expect(loudnessBetween(peaks, from, from + span)).toBeCloseTo(100 / 127);
    }
    expect(loudnessBetween(peaks, 0, 400_000)).toBe(0);
  });

  it("is silent outside the recording", () => {
    const peaks = waveform([[-10, 10]]);
    expect(loudnessBetween(peaks, 5_000, 6_000)).toBe(0);
    expect(loudnessBetween(peaks, -500, -400)).toBe(0);
  });

  it("reads few peaks for a long span", () => {
    const peaks = waveform(Array.from({ length: 720_000 }, () => [-5, 5] as const));
    expect(peaks.levels.at(-1)?.length).toBeLessThanOrEqual(64);
  });
});
