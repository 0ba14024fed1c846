/**
 * Layers painted on a 2D canvas, as compositing/canvas.py paints them on the planes of a frame.
 *
 * A layer that is partly transparent is painted aside and blended as a whole: its label must not shine through its
 * picture. Edges lie on whole pixels of the canvas, so that painting a layer over itself changes nothing. (WebGL was
 * tried and was slower where there is no GPU: docs/decisions.md.)
 */

import { SPEAKER_COLOUR } from "../plan/colour";
import type { Rect, Size } from "../plan/types";
import { damage, extentOf, isSeeThrough } from "./damage";
import type { Layer } from "./layers";

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

interface Painted {
  readonly width: number;
  readonly height: number;
  readonly canvas: Size;
  readonly background: string;
  readonly layers: readonly Layer[];
}

export class Painter {
  readonly #context: Context;
  #aside: OffscreenCanvas | null = null;
  #painted: Painted | null = null;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Makes the whole canvas show `layers` of a plan's `canvas`; paints only what changed since the last call. */
  paint(canvas: Size, background: string, layers: readonly Layer[]): void {
    const { width, height } = this.#context.canvas;
    const known = this.#painted;
    const isKept =
      known?.width === width &&
      known.height === height &&
      known.canvas.w === canvas.w &&
      known.canvas.h === canvas.h &&
      known.background === background;
    const part = isKept ? damage(layers, known.layers) : null;
    const brush = new Brush(this.#context, width / canvas.w, height / canvas.h);
    if (part === null) brush.fill({ x: 0, y: 0, ...canvas }, background);
    for (const layer of part ?? []) if (isSeeThrough(layer)) brush.fill(extentOf(layer), background);
    for (const layer of part ?? layers) {
      if (layer.opacity >= 1) brush.layer(layer);
      else if (layer.opacity > 0) this.#blend(brush, layer);
    }
    this.#painted = { width, height, canvas, background, layers };
  }

  #blend(brush: Brush, layer: Layer): void {
    const { width, height } = this.#context.canvas;
    if (this.#aside?.width !== width || this.#aside.height !== height) this.#aside = new OffscreenCanvas(width, height);
    const aside = this.#aside.getContext("2d");
    if (aside === null) return;
    aside.clearRect(0, 0, width, height);
    brush.on(aside).layer(layer);
    this.#context.globalAlpha = layer.opacity;
    this.#context.drawImage(this.#aside, 0, 0);
    this.#context.globalAlpha = 1;
  }
}

/** Paints rectangles of the plan's canvas on a canvas of another resolution. */
class Brush {
  readonly #context: Context;
  readonly #x: number;
  readonly #y: number;

  constructor(context: Context, x: number, y: number) {
    this.#context = context;
    this.#x = x;
    this.#y = y;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "medium";
  }

  on(context: Context): Brush {
    return new Brush(context, this.#x, this.#y);
  }

  fill(rect: Rect, colour: string): void {
    const { x, y, w, h } = this.#pixels(rect);
    this.#context.fillStyle = colour;
    this.#context.fillRect(x, y, w, h);
  }

  layer(layer: Layer): void {
    if (layer.radius > 0) {
      this.#context.save();
      this.#context.beginPath();
      this.#rounded(this.#pixels(layer.rect), layer.radius * this.#x);
      this.#context.clip();
      this.#content(layer);
      this.#context.restore();
    } else this.#content(layer);
    if (layer.frame > 0) this.#frame(layer);
    if (layer.label !== null) this.#image(layer.label.image, null, layer.label.rect);
  }

  #content({ fills, picture }: Layer): void {
    for (const { rect, colour } of fills) this.fill(rect, colour);
    if (picture !== null) this.#image(picture.image, picture.from, picture.to);
  }

  #image(image: CanvasImageSource, from: Rect | null, to: Rect): void {
    const { x, y, w, h } = this.#pixels(to);
    if (from === null) this.#context.drawImage(image, x, y, w, h);
    else this.#context.drawImage(image, from.x, from.y, from.w, from.h, x, y, w, h);
  }

  /** A frame inside the edges of a layer, round where its corners are. */
  #frame({ rect, radius, frame }: Layer): void {
    const { x, y, w, h } = this.#pixels(rect);
    const thickness = Math.max(1, Math.round(frame * this.#x));
    this.#context.beginPath();
    this.#rounded({ x, y, w, h }, radius * this.#x);
    const inner = { x: x + thickness, y: y + thickness, w: w - 2 * thickness, h: h - 2 * thickness };
    if (inner.w > 0 && inner.h > 0) this.#rounded(inner, Math.max(0, radius - frame) * this.#x);
    this.#context.fillStyle = SPEAKER_COLOUR;
    this.#context.fill("evenodd");
  }

  #rounded({ x, y, w, h }: Rect, radius: number): void {
    this.#context.roundRect(x, y, w, h, radius);
  }

  /** `rect` with each edge on the nearest pixel of this canvas. */
  #pixels(rect: Rect): Rect {
    const [x, y] = [Math.round(rect.x * this.#x), Math.round(rect.y * this.#y)];
    const [right, bottom] = [Math.round((rect.x + rect.w) * this.#x), Math.round((rect.y + rect.h) * this.#y)];
    return { x, y, w: Math.max(1, right - x), h: Math.max(1, bottom - y) };
  }
}
