import { describe, expect, it } from "vitest";

import { MOVE } from "./dragging";
import { linesOf, snapped } from "./snapping";

const CANVAS = { w: 1920, h: 1080 };
const NEIGHBOUR = { x: 1000, y: 100, w: 400, h: 300 };
const LINES = linesOf(CANVAS, 8, [NEIGHBOUR]);

describe("snapping", () => {
  it("takes a moved tile to the margin of the canvas, its middle and its thirds", () => {
    const at = (x: number, y: number) => snapped({ x, y, w: 300, h: 200 }, MOVE, LINES, 10).rect;
    expect(at(12, 500).x).toBe(8);
    expect(at(3, 500).x).toBe(0);
    expect(at(812, 700).x).toBe(810); // its middle on the canvas's middle
    expect(at(642, 722)).toMatchObject({ x: 640, y: 720 });
  });

  it("takes the edge of a neighbour, from either side, and says along which stretch", () => {
    const left = snapped({ x: 696, y: 460, w: 300, h: 200 }, MOVE, LINES, 10);
    expect(left.rect.x).toBe(700);
    const [line] = left.guides.filter((guide) => guide.line.kind === "tile" && guide.axis === "x");
    expect(line?.line).toEqual({ at: 1000, from: 100, to: 660, kind: "tile" });
    expect(snapped({ x: 1406, y: 460, w: 300, h: 200 }, MOVE, LINES, 10).rect.x).toBe(1400);
  });

  it("prefers the nearest of several lines", () => {
    // 640 (a third) is 6 away from the left edge, 1000 (the neighbour) 2 away from the right one
    expect(snapped({ x: 646, y: 500, w: 352, h: 90 }, MOVE, LINES, 10).rect.x).toBe(648);
  });

  it("moves only the gripped edge of a resized tile", () => {
    const { rect, guides } = snapped({ x: 500, y: 500, w: 137, h: 90 }, { x: 1, y: 0 }, LINES, 10);
    expect(rect).toEqual({ x: 500, y: 500, w: 140, h: 90 });
    expect(guides.map((guide) => [guide.axis, guide.line.at])).toEqual([["x", 640]]);
    expect(
      snapped({ x: 503, y: 500, w: 137, h: 90 }, { x: -1, y: 0 }, linesOf({ w: 1000, h: 1000 }, 0, []), 4).rect,
    ).toEqual({ x: 500, y: 500, w: 140, h: 90 });
  });

  it("leaves alone what is out of reach, and then draws no guide", () => {
    const rect = { x: 1500, y: 560, w: 101, h: 57 };
    expect(snapped(rect, MOVE, LINES, 5)).toEqual({ rect, guides: [] });
  });
});
