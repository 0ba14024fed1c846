/**
 * Layers painted on a 2D canvas, as compositing/canvas.py paints them on the planes of a frame.
 *
 * A layer that is partly transparent is painted aside and blended as a whole: its label must not shine through its
 * picture. (WebGL was tried and was slower where there is no GPU; see docs/decisions.md.)
 */

import { SPEAKER_COLOUR } from "../plan/colour";
import type { Rect, Size } from "../plan/types";
import type { Layer } from "./layers";

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export class Painter {
  #aside: OffscreenCanvas | null = null;

  /** Paints a frame of the plan's `canvas` over all of `context`, whatever its resolution. */
  paint(context: Context, canvas: Size, background: string, layers: readonly Layer[]): void {
    const { width, height } = context.canvas;
    context.setTransform(width / canvas.w, 0, 0, height / canvas.h, 0, 0);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "medium";
    context.fillStyle = background;
    context.fillRect(0, 0, canvas.w, canvas.h);
    for (const layer of layers) {
      if (layer.opacity >= 1) paintLayer(context, layer);
      else if (layer.opacity > 0) this.#blend(context, layer);
    }
  }

  #blend(context: Context, layer: Layer): void {
    const { width, height } = context.canvas;
    if (this.#aside?.width !== width || this.#aside.height !== height) this.#aside = new OffscreenCanvas(width, height);
    const aside = this.#aside.getContext("2d");
    if (aside === null) return;
    aside.setTransform(1, 0, 0, 1, 0, 0);
    aside.clearRect(0, 0, width, height);
    aside.setTransform(context.getTransform());
    aside.imageSmoothingQuality = context.imageSmoothingQuality;
    paintLayer(aside, layer);
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = layer.opacity;
    context.drawImage(this.#aside, 0, 0);
    context.restore();
  }
}

function paintLayer(context: Context, layer: Layer): void {
  if (layer.radius > 0) {
    context.save();
    context.beginPath();
    context.roundRect(layer.rect.x, layer.rect.y, layer.rect.w, layer.rect.h, layer.radius);
    context.clip();
    paintContent(context, layer);
    context.restore();
  } else paintContent(context, layer);
  if (layer.frame > 0) paintFrame(context, layer.rect, layer.radius, layer.frame);
  if (layer.label !== null) {
    const { image, rect } = layer.label;
    context.drawImage(image, rect.x, rect.y, rect.w, rect.h);
  }
}

function paintContent(context: Context, { fills, picture }: Layer): void {
  for (const { rect, colour } of fills) {
    context.fillStyle = colour;
    context.fillRect(rect.x, rect.y, rect.w, rect.h);
  }
  if (picture === null) return;
  const { image, from, to } = picture;
  context.drawImage(image, from.x, from.y, from.w, from.h, to.x, to.y, to.w, to.h);
}

/** A frame inside the edges of `rect`, round where its corners are. */
function paintFrame(context: Context, rect: Rect, radius: number, thickness: number): void {
  context.beginPath();
  context.roundRect(rect.x, rect.y, rect.w, rect.h, radius);
  context.roundRect(
    rect.x + thickness,
    rect.y + thickness,
    Math.max(0, rect.w - 2 * thickness),
    Math.max(0, rect.h - 2 * thickness),
    Math.max(0, radius - thickness),
  );
  context.fillStyle = SPEAKER_COLOUR;
  context.fill("evenodd");
}
