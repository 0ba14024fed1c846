import { describe, expect, it } from "vitest";

import { ticks } from "./ticks";
import {
  AIR_PX,
  clampMs,
  driftPx,
  endMs,
  fitted,
  following,
  isFitted,
  MIN_SPAN_MS,
  panned,
  resized,
  showing,
  toMs,
  toX,
  withDuration,
  withinPage,
  zoomed,
} from "./viewport";

const HOUR = 3_600_000;

describe("viewport", () => {
  it("shows the whole recording with air at both ends", () => {
    const view = fitted(HOUR, 1000);
    expect(toX(view, 0)).toBeCloseTo(AIR_PX);
    expect(toX(view, HOUR)).toBeCloseTo(1000 - AIR_PX);
  });

  it("gives back the time of a pixel and the pixel of a time", () => {
    const view = zoomed(fitted(2 * HOUR, 977), 37, 400);
    for (const x of [0, 13.5, 976]) expect(toX(view, toMs(view, x))).toBeCloseTo(x, 6);
  });

  it("does not turn the page under a pointer that scrubs, however far outside it is held", () => {
    const view = zoomed(fitted(HOUR, 1000), 3_000, 400);
    for (const x of [-5_000, -1, 0, 400, 999, 1_000, 5_000]) {
      const tMs = clampMs(view, toMs(view, withinPage(view, x)));
      expect(following(view, tMs)).toBe(view);
    }
  });

  it("drifts slowly to the side on which the pointer is held outside, and stands while it is inside", () => {
    const view = zoomed(fitted(HOUR, 1000), 50, 400);
    const steps = [-900, -5, 1, 500, 997, 1_003, 1_900].map((x) => driftPx(view, x));
    expect(steps).toEqual([-16, -1, 0, 0, 0, 1, 16]);
  });

  it("zooms around the pointer", () => {
    const view = fitted(HOUR, 1000);
    const under = toMs(view, 700);
    const closer = zoomed(view, 5, 700);
    expect(toMs(closer, 700)).toBeCloseTo(under, 3);
    expect(closer.msPerPx).toBeCloseTo(view.msPerPx / 5);
  });

  it("zooms no closer than a few frames and no further than everything", () => {
    const view = fitted(HOUR, 1000);
    expect(zoomed(view, 1e9, 500).msPerPx * 1000).toBeCloseTo(MIN_SPAN_MS);
    expect(zoomed(zoomed(view, 50, 10), 1e-9, 900)).toEqual(view);
  });

  it("cannot be panned away from the recording", () => {
    const view = zoomed(fitted(HOUR, 1000), 10, 500);
    expect(toX(panned(view, -1e9), 0)).toBeCloseTo(AIR_PX);
    expect(endMs(panned(view, 1e9))).toBeCloseTo(HOUR + AIR_PX * view.msPerPx);
  });

  it("goes on showing everything when its width or the recording grows", () => {
    const view = fitted(HOUR, 1000);
    expect(isFitted(resized(view, 1500))).toBe(true);
    expect(isFitted(withDuration(view, 2 * HOUR))).toBe(true);
    const close = zoomed(view, 4, 0);
    expect(resized(close, 1500).msPerPx).toBe(close.msPerPx);
  });

  it("turns the page when the playhead leaves on the right, and not before", () => {
    const view = zoomed(fitted(HOUR, 1000), 10, 0);
    expect(following(view, toMs(view, 990))).toBe(view);
    const turned = following(view, toMs(view, 1001));
    expect(toX(turned, toMs(view, 1001))).toBeCloseTo(80);
  });

  it("shows a span that was asked for", () => {
    const view = showing(fitted(HOUR, 1000), 60_000, 90_000);
    expect(toX(view, 60_000)).toBeCloseTo(AIR_PX);
    expect(toX(view, 90_000)).toBeCloseTo(1000 - AIR_PX);
  });

  it("keeps a recording shorter than the shortest span in view", () => {
    const view = fitted(200, 1000);
    expect(zoomed(view, 10, 500).msPerPx).toBeCloseTo(view.msPerPx);
    expect(clampMs(view, 900)).toBe(200);
  });
});

describe("ticks", () => {
  it.each([fitted(20_000, 1000), fitted(HOUR, 1000), fitted(5 * HOUR, 600), zoomed(fitted(2 * HOUR, 1000), 5000, 500)])(
    "writes texts far enough apart, few of them, and only inside the recording",
    (view) => {
      const written = ticks(view).filter((tick) => tick.text !== null);
      const gaps = written.slice(1).map((tick, i) => tick.x - (written[i]?.x ?? 0));
      expect(Math.min(...gaps, Infinity)).toBeGreaterThanOrEqual(76);
      expect(ticks(view).length).toBeLessThan(200);
      expect(ticks(view).every((tick) => tick.tMs >= 0 && tick.tMs <= view.durationMs)).toBe(true);
    },
  );

  it("writes whole seconds without tenths", () => {
    const texts = ticks(fitted(20_000, 1000)).map((tick) => tick.text);
    expect(texts).toContain("0:00");
    expect(texts).toContain("0:18");
  });
});
