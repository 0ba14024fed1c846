/** The page's arithmetic gives what the server's gives: the vectors are shared with its Python tests. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { barsColour, placeholderColour } from "./colour";
import { gainAt } from "./gains";
import { evenRect, fitPicture, toPixels } from "./geometry";
import { between, betweenRects, ease } from "./transition";
import type { Easing, Fit, Rect, Tile } from "./types";

type Four = readonly [number, number, number, number];

interface Told {
  readonly id: string;
  readonly rect: Four;
  readonly z: number;
  readonly opacity: number;
  readonly label: Four | null;
}

const fit = golden("fit") as {
  fit: { source: [number, number]; target: Four; fit: Fit; crop: Four | null; part: Four; place: Four }[];
  even_rect: { edges: Four; rect: Four }[];
  to_pixels: { norm: Four; canvas: [number, number]; rect: Four }[];
};
const easing = golden("easing") as {
  ease: { easing: Easing; progress: number; eased: number }[];
  between: { before: Four; after: Four; done: number; rect: Four }[];
  tiles: { before: Told[]; after: Told[]; done: number; drawn: Told[] }[];
};
const colour = golden("colour") as { derived: { background: string; bars: string; placeholder: string }[] };
const gain = golden("gain") as {
  gain_db: number;
  spans_ms: [number, number][];
  gains: { t_ms: number; gain: number }[];
};

describe("the shared vectors", () => {
  it.each(fit.fit)("of fit: $source in $target by $fit", ({ source: [w, h], target, fit: way, crop, part, place }) => {
    const fitted = fitPicture({ w, h }, rect(target), way, crop === null ? null : rect(crop));
    expect(fitted).toEqual({ part: rect(part), place: rect(place) });
  });

  it.each(fit.even_rect)("of rounding: $edges", ({ edges, rect: expected }) => {
    expect(evenRect(...edges)).toEqual(rect(expected));
  });

  it.each(fit.to_pixels)("of fractions: $norm of $canvas", ({ norm, canvas: [w, h], rect: expected }) => {
    expect(toPixels(rect(norm), { w, h })).toEqual(rect(expected));
  });

  it.each(easing.ease)("of easing: $easing at $progress", ({ easing: way, progress, eased }) => {
    expect(ease(way, progress)).toBeCloseTo(eased, 12);
  });

  it.each(easing.between)("of moving rectangles: $before to $after", ({ before, after, done, rect: expected }) => {
    expect(betweenRects(rect(before), rect(after), done)).toEqual(rect(expected));
  });

  it.each(easing.tiles)("of moving tiles, $done of the way", ({ before, after, done, drawn }) => {
    expect(between(before.map(tile), after.map(tile), done)).toEqual(drawn.map(tile));
  });

  it.each(colour.derived)("of colours beside $background", ({ background, bars, placeholder }) => {
    expect([barsColour(background), placeholderColour(background)]).toEqual([bars, placeholder]);
  });

  it.each(gain.gains)("of gains at $t_ms ms", ({ t_ms, gain: expected }) => {
    const audio = { peer_id: "ada", gain_db: gain.gain_db, spans_ms: gain.spans_ms };
    expect(Math.abs(gainAt(audio, t_ms + 0.5 / 48) - expected)).toBeLessThan(1e-3);
  });
});

function golden(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../tests/golden/${name}.json`, import.meta.url), "utf-8"));
}

function rect([x, y, w, h]: Four): Rect {
  return { x, y, w, h };
}

function tile(told: Told): Tile {
  return {
    tile_id: told.id,
    kind: "video",
    rect: rect(told.rect),
    peer_id: null,
    source: null,
    crop: null,
    fit: "auto",
    z: told.z,
    opacity: told.opacity,
    corner_radius: 0,
    highlight: false,
    label: told.label === null ? null : { text: "", rect: rect(told.label), image: "key" },
    image: null,
    text: null,
    colour: null,
  };
}
