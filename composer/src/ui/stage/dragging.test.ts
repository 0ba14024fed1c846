import { describe, expect, it } from "vitest";

import { dragged, GRIPS, MOVE, withAspect, type Grip } from "./dragging";

const CANVAS = { w: 1920, h: 1080 };
const RECT = { x: 400, y: 300, w: 640, h: 360 };
const SE: Grip = { x: 1, y: 1 };
const NW: Grip = { x: -1, y: -1 };
const E: Grip = { x: 1, y: 0 };

describe("dragging", () => {
  it("moves without changing the size, and not out of the canvas", () => {
    expect(dragged(RECT, MOVE, 50, -20, CANVAS)).toEqual({ x: 450, y: 280, w: 640, h: 360 });
    expect(dragged(RECT, MOVE, 9_000, 9_000, CANVAS)).toEqual({ x: 1280, y: 720, w: 640, h: 360 });
    expect(dragged(RECT, MOVE, -9_000, -9_000, CANVAS)).toEqual({ x: 0, y: 0, w: 640, h: 360 });
  });

  it("resizes at the gripped edges only", () => {
    expect(dragged(RECT, SE, 100, 50, CANVAS)).toEqual({ x: 400, y: 300, w: 740, h: 410 });
    expect(dragged(RECT, NW, 100, 50, CANVAS)).toEqual({ x: 500, y: 350, w: 540, h: 310 });
    expect(dragged(RECT, E, 100, 50, CANVAS)).toEqual({ x: 400, y: 300, w: 740, h: 360 });
  });

  it("stops before an edge meets the other, and at the canvas", () => {
    for (const grip of GRIPS) {
      for (const by of [-9_000, 9_000]) {
        const rect = dragged(RECT, grip, by, by, CANVAS);
        expect(Math.min(rect.w, rect.h)).toBeGreaterThanOrEqual(48);
        expect(rect.x).toBeGreaterThanOrEqual(0);
        expect(rect.y).toBeGreaterThanOrEqual(0);
        expect(rect.x + rect.w).toBeLessThanOrEqual(1920);
        expect(rect.y + rect.h).toBeLessThanOrEqual(1080);
      }
    }
  });
});

describe("proportions", () => {
  it("are kept by every grip, inside the canvas", () => {
    for (const grip of GRIPS) {
      for (const [dx, dy] of [
        [130, 20],
        [-77, 210],
        [9_000, -9_000],
        [-9_000, 9_000],
      ] as const) {
        const rect = withAspect(dragged(RECT, grip, dx, dy, CANVAS), RECT, grip, CANVAS);
        expect(rect.w / rect.h).toBeCloseTo(640 / 360, 6);
        expect(rect.x).toBeGreaterThanOrEqual(-1e-9);
        expect(rect.y).toBeGreaterThanOrEqual(-1e-9);
        expect(rect.x + rect.w).toBeLessThanOrEqual(1920 + 1e-9);
        expect(rect.y + rect.h).toBeLessThanOrEqual(1080 + 1e-9);
      }
    }
  });

  it("keep the opposite corner where it is", () => {
    const rect = withAspect(dragged(RECT, NW, -64, 0, CANVAS), RECT, NW, CANVAS);
    expect(rect.x + rect.w).toBeCloseTo(1040);
    expect(rect.y + rect.h).toBeCloseTo(660);
    expect(rect.w).toBeCloseTo(704);
  });

  it("grow around the middle when an edge is dragged", () => {
    const rect = withAspect(dragged(RECT, E, 64, 0, CANVAS), RECT, E, CANVAS);
    expect(rect.w).toBeCloseTo(704);
    expect(rect.y + rect.h / 2).toBeCloseTo(480);
  });

  it("do not matter to a move", () => expect(withAspect(RECT, RECT, MOVE, CANVAS)).toBe(RECT));
});
