import { describe, expect, it } from "vitest";

import { tile } from "../shared/fixtures";
import { damage, extentOf } from "./damage";
import { beside, layersOf, speakerFrame, usableRadius, type Drawable, type Layer, type Scenery } from "./layers";
import type { Tile } from "../plan/types";

const IMAGE = { width: 168, height: 44 } as ImageBitmap;
const VIDEO = {} as HTMLVideoElement;

function scenery(fields: Partial<Scenery> = {}): Scenery {
  return {
    canvas: { w: 1920, h: 1080 },
    background: "#101418",
    speaking: new Set(),
    videoOf: () => null,
    rasterOf: () => IMAGE,
    ...fields,
  };
}

function shown(w: number, h: number, inFrame = { x: 0, y: 0, w, h }, version = 1): Drawable {
  return { image: VIDEO, source: { w, h }, inFrame, version };
}

function layer(one: Tile, fields: Partial<Scenery> = {}): Layer {
  const [made] = layersOf([one], scenery(fields));
  if (made === undefined) throw new Error("no layer");
  return made;
}

const WIDE = { x: 8, y: 274, w: 948, h: 532 };

describe("what is painted of a tile", () => {
  it("is a placeholder while there is no picture", () => {
    expect(layer(tile("ada", { rect: WIDE }))).toMatchObject({
      fills: [{ rect: WIDE, colour: "#212428" }],
      picture: null,
    });
  });

  it("is the picture between darker bars where it is contained", () => {
    const { fills, picture } = layer(tile("ada", { rect: WIDE }), { videoOf: () => shown(720, 1280) });
    expect(picture).toMatchObject({ from: { x: 0, y: 0, w: 720, h: 1280 }, to: { x: 332, y: 274, w: 300, h: 532 } });
    expect(fills).toEqual([
      { rect: { x: 8, y: 274, w: 324, h: 532 }, colour: "#0a0c0e" },
      { rect: { x: 632, y: 274, w: 324, h: 532 }, colour: "#0a0c0e" },
    ]);
  });

  it("is cut out of the frame that the picture is letterboxed in", () => {
    const videoOf = () => shown(640, 480, { x: 80, y: 0, w: 480, h: 360 });
    const { picture } = layer(tile("ada", { rect: WIDE, fit: "cover" }), { videoOf });
    expect(picture?.from).toEqual({ x: 80, y: 45, w: 480, h: 270 }); // 640 x 360 of 640 x 480, at three quarters
    expect(picture?.to).toEqual(WIDE);
  });

  it("is the raster that fills an avatar, and fits into the box of a text", () => {
    const avatar = layer(tile("ada", { kind: "avatar", image: "a", rect: WIDE }));
    expect(avatar).toMatchObject({ picture: { to: WIDE }, isOpaque: true });
    const text = layer(tile("text", { kind: "text", image: "t", rect: { x: 0, y: 0, w: 168, h: 144 } }));
    expect(text).toMatchObject({ picture: { to: { x: 0, y: 50, w: 168, h: 44 } }, isOpaque: false, fills: [] });
  });

  it("has a frame while its peer speaks, if it may have one", () => {
    const speaking = new Set(["ada"]);
    expect(layer(tile("ada"), { speaking }).frame).toBe(4);
    expect(layer(tile("ben"), { speaking }).frame).toBe(0);
    expect(layer(tile("ada", { highlight: false }), { speaking }).frame).toBe(0);
  });

  it("has its label once that is there", () => {
    const label = { text: "Ada", rect: { x: 22, y: 748, w: 168, h: 44 }, image: "key" };
    expect(layer(tile("ada", { label })).label).toEqual({ image: IMAGE, rect: label.rect });
    expect(layer(tile("ada", { label }), { rasterOf: () => null }).label).toBeNull();
  });
});

describe("measures", () => {
  it("scale with the canvas and are even", () => {
    expect([1080, 720, 360, 90, 2160].map((h) => speakerFrame({ w: 16 * h, h }))).toEqual([4, 2, 2, 2, 8]);
  });

  it("keep a radius within its tile", () => {
    expect(usableRadius({ w: 100, h: 50 }, 200)).toBe(24);
    expect(usableRadius({ w: 100, h: 50 }, 12)).toBe(12);
    expect(usableRadius({ w: 2, h: 2 }, 12)).toBe(0);
  });

  it("leave no gap and no overlap beside a picture", () => {
    const place = { x: 100, y: 300, w: 200, h: 100 };
    const covered = [place, ...beside(WIDE, place)].reduce((sum, { w, h }) => sum + w * h, 0);
    expect(covered).toBe(WIDE.w * WIDE.h);
  });
});

describe("what is painted again", () => {
  const left = tile("ada", { rect: { x: 0, y: 0, w: 100, h: 100 } });
  const right = tile("ben", { rect: { x: 100, y: 0, w: 100, h: 100 } });
  const over = tile("cleo", { rect: { x: 50, y: 50, w: 20, h: 20 }, z: 5 });
  const versions = (a: number, b: number, c: number, tiles = [left, right, over]) =>
    layersOf(
      tiles,
      scenery({
        videoOf: (one) =>
          shown(16, 9, { x: 0, y: 0, w: 16, h: 9 }, { ada: a, ben: b, cleo: c }[one.peer_id ?? ""] ?? 0),
      }),
    );
  const again = (now: readonly Layer[], before: readonly Layer[]) =>
    damage(now, before)?.map(({ tile: { peer_id } }) => peer_id) ?? "all";

  it("is nothing where nothing changed", () => expect(again(versions(1, 1, 1), versions(1, 1, 1))).toEqual([]));
  it("is what changed alone", () => expect(again(versions(1, 2, 1), versions(1, 1, 1))).toEqual(["ben"]));
  it("is what lies above it as well", () =>
    expect(again(versions(2, 1, 1), versions(1, 1, 1))).toEqual(["ada", "cleo"]));
  it("is not what lies below it", () => expect(again(versions(1, 1, 2), versions(1, 1, 1))).toEqual(["cleo"]));

  it("is what shines through it", () => {
    const tiles = [left, right, { ...over, opacity: 0.5 }];
    expect(again(versions(1, 1, 2, tiles), versions(1, 1, 1, tiles))).toEqual(["ada", "cleo"]);
    const round = [left, right, { ...over, corner_radius: 4 }];
    expect(again(versions(1, 1, 2, round), versions(1, 1, 1, round))).toEqual(["ada", "cleo"]);
  });

  it("is everything where tiles move, come, go or change their order", () => {
    const before = versions(1, 1, 1);
    expect(again(versions(1, 1, 1, [left, right]), before)).toBe("all");
    expect(again(versions(1, 1, 1, [right, left, over]), before)).toBe("all");
    expect(again(versions(1, 1, 1, [left, right, { ...over, rect: { ...over.rect, x: 52 } }]), before)).toBe("all");
  });

  it("is what begins or ceases to speak", () => {
    const speaks = layersOf([left, right], scenery({ speaking: new Set(["ben"]) }));
    expect(again(speaks, layersOf([left, right], scenery()))).toEqual(["ben"]);
  });

  it("reaches as far as a label that hangs over", () => {
    const label = { text: "Ada", rect: { x: 90, y: 80, w: 40, h: 20 }, image: "key" };
    expect(extentOf(layer({ ...left, label }))).toEqual({ x: 0, y: 0, w: 130, h: 100 });
  });
});
