/**
 * What is painted of each tile, and where: compositing/canvas.py as arithmetic, without any pixel.
 *
 * Takes the tiles of an instant and what each of them shows; gives rectangles on the plan's canvas and in the pictures.
 * Pure, so that what the export does is tested without a browser.
 */

import { barsColour, placeholderColour } from "../plan/colour";
import { even, fitPicture } from "../plan/geometry";
import type { Rect, Size, Tile } from "../plan/types";

/** A picture as the browser can draw it. */
export interface Drawable {
  readonly image: CanvasImageSource;
  /** Size of the whole source picture: what `fit` is computed on. */
  readonly source: Size;
  /** Where that picture lies in `image`, in pixels of it. */
  readonly inFrame: Rect;
  /** Changes with the pixels of `image`. */
  readonly version: number;
}

export interface Layer {
  readonly tile: Tile;
  readonly rect: Rect;
  readonly radius: number;
  readonly opacity: number;
  readonly fills: readonly { readonly rect: Rect; readonly colour: string }[];
  readonly picture: { readonly image: CanvasImageSource; readonly from: Rect; readonly to: Rect } | null;
  /** Changes with the pixels of the picture. */
  readonly version: number;
  /** Whether nothing below its rectangle is seen, corners and opacity apart. */
  readonly isOpaque: boolean;
  /** Thickness of the frame around one who speaks; 0: none. */
  readonly frame: number;
  readonly label: { readonly image: CanvasImageSource; readonly rect: Rect } | null;
}

export type Raster = CanvasImageSource & { readonly width: number; readonly height: number };

export interface Scenery {
  readonly canvas: Size;
  readonly background: string;
  readonly speaking: ReadonlySet<string>;
  /** What a video tile shows; null while it has no picture. */
  readonly videoOf: (tile: Tile) => Drawable | null;
  /** The raster of a label, avatar, text or image; null while it is not there. `slot`: what of which tile it is. */
  readonly rasterOf: (key: string, slot: string) => Raster | null;
}

const REFERENCE_SIDE = 1080;
const SPEAKER_FRAME = 4;
const COVERAGES = 256;

export function layersOf(tiles: readonly Tile[], scenery: Scenery): readonly Layer[] {
  return tiles.map((tile) => layerOf(tile, scenery));
}

/** Thickness of the frame around a speaker, on a canvas of `size`. */
export function speakerFrame(size: Size): number {
  return Math.max(2, even((SPEAKER_FRAME * Math.min(size.w, size.h)) / REFERENCE_SIDE));
}

/** `radius` as far as the sides of `rect` allow it. */
export function usableRadius(rect: Size, radius: number): number {
  return Math.max(0, Math.min(radius, Math.floor(Math.min(rect.w, rect.h) / 4) * 2));
}

/** The parts of `rect` above, below, left and right of `place`. */
export function beside(rect: Rect, place: Rect): Rect[] {
  const [right, bottom] = [rect.x + rect.w, rect.y + rect.h];
  const [placeRight, placeBottom] = [place.x + place.w, place.y + place.h];
  const around = [
    { x: rect.x, y: rect.y, w: rect.w, h: place.y - rect.y },
    { x: rect.x, y: placeBottom, w: rect.w, h: bottom - placeBottom },
    { x: rect.x, y: place.y, w: place.x - rect.x, h: place.h },
    { x: placeRight, y: place.y, w: right - placeRight, h: place.h },
  ];
  return around.filter((bar) => bar.w > 0 && bar.h > 0);
}

function layerOf(tile: Tile, scenery: Scenery): Layer {
  const speaks = tile.highlight && tile.peer_id !== null && scenery.speaking.has(tile.peer_id);
  const labelImage = tile.label === null ? null : scenery.rasterOf(tile.label.image, `${tile.tile_id} label`);
  return {
    tile,
    rect: tile.rect,
    radius: usableRadius(tile.rect, tile.corner_radius),
    opacity: Math.round(Math.min(1, Math.max(0, tile.opacity)) * COVERAGES) / COVERAGES,
    ...(tile.kind === "video" ? video(tile, scenery) : raster(tile, scenery)),
    frame: speaks ? speakerFrame(scenery.canvas) : 0,
    label: labelImage === null || tile.label === null ? null : { image: labelImage, rect: tile.label.rect },
  };
}

type Content = Pick<Layer, "fills" | "picture" | "version" | "isOpaque">;

function video(tile: Tile, { background, videoOf }: Scenery): Content {
  const shown = videoOf(tile);
  if (shown === null) return plain(tile, placeholderColour(background));
  const { part, place } = fitPicture(shown.source, tile.rect, tile.fit, tile.crop);
  const fills = beside(tile.rect, place).map((rect) => ({ rect, colour: barsColour(background) }));
  const picture = { image: shown.image, from: inside(shown, part), to: place };
  return { fills, picture, version: shown.version, isOpaque: true };
}

function plain(tile: Tile, colour: string): Content {
  return { fills: [{ rect: tile.rect, colour }], picture: null, version: 0, isOpaque: true };
}

/** `part` of the source picture, in pixels of the frame that holds it. */
function inside({ source, inFrame }: Drawable, part: Rect): Rect {
  const [x, y] = [inFrame.w / source.w, inFrame.h / source.h];
  return { x: inFrame.x + part.x * x, y: inFrame.y + part.y * y, w: part.w * x, h: part.h * y };
}

function raster(tile: Tile, { rasterOf, background }: Scenery): Content {
  const image = tile.image === null ? null : rasterOf(tile.image, `${tile.tile_id} ${tile.kind}`);
  const isAvatar = tile.kind === "avatar";
  if (image === null) {
    const nothing = { fills: [], picture: null, version: 0, isOpaque: false };
    return isAvatar ? plain(tile, placeholderColour(background)) : nothing;
  }
  const size = { w: image.width, h: image.height };
  const to = isAvatar ? tile.rect : fitPicture(size, tile.rect, "contain", null).place;
  return { fills: [], picture: { image, from: { x: 0, y: 0, ...size }, to }, version: 0, isOpaque: isAvatar };
}
