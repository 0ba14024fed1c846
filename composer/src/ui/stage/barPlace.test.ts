import { describe, expect, it } from "vitest";

import { BAR_PX, barPlace } from "./barPlace";

const CANVAS = { w: 1920, h: 1080 };

describe("the bar of a tile", () => {
  it("stands above, else below, where no other tile is", () => {
    const tile = { x: 600, y: 400, w: 600, h: 300 };
    expect(barPlace(tile, [], CANVAS, 0.5).top).toBe(200 - BAR_PX.h - 8);
    const above = { x: 0, y: 0, w: 1920, h: 380 };
    expect(barPlace(tile, [above], CANVAS, 0.5).top).toBe(350 + 8);
  });

  it("stands inside where others are on both sides, or the tile fills the frame", () => {
    const tile = { x: 0, y: 360, w: 1920, h: 360 };
    const [above, below] = [
      { ...tile, y: 0 },
      { ...tile, y: 720 },
    ];
    expect(barPlace(tile, [above, below], CANVAS, 0.5).top).toBe(180 + 8);
    expect(barPlace({ x: 0, y: 0, ...CANVAS }, [], CANVAS, 0.5).top).toBe(8);
  });

  it("covers another tile rather than a small one of its own", () => {
    const tile = { x: 900, y: 600, w: 200, h: 120 };
    expect(barPlace(tile, [{ x: 0, y: 0, ...CANVAS }], CANVAS, 0.5).top).toBe(300 - BAR_PX.h - 8);
  });

  it("does not leave the frame at its sides", () => {
    expect(barPlace({ x: 0, y: 800, w: 200, h: 200 }, [], CANVAS, 0.5).left).toBe(BAR_PX.w / 2);
    expect(barPlace({ x: 1700, y: 800, w: 200, h: 200 }, [], CANVAS, 0.5).left).toBe(960 - BAR_PX.w / 2);
    expect(barPlace({ x: 1700, y: 800, w: 200, h: 200 }, [], CANVAS, 0.1).left).toBe(96);
  });
});
