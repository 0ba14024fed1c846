/**
 * The stage: one canvas that shows the plan at the clock's time, as the export will.
 *
 * It paints a frame where something changed: the frame of the plan that is on, a picture of a stream, a raster, the
 * draft of a drag. It computes no layout and moves no time.
 */

import { frameTimeMs, momentAt, tilesDuring, type Moment } from "../plan/at";
import { carriedLabel } from "../plan/transition";
import type { Plan, Scene, Size, Tile } from "../plan/types";
import type { Playback } from "../playback/transport";
import { layersOf, type Drawable, type Layer } from "./layers";
import { Painter } from "./painter";
import { Rasters } from "./rasters";
import type { Draft, StageView } from "./types";

const KEPT_PAINTS = 600;
/** How far beyond a scene's end its followers' stills are fetched. */
const AHEAD_MS = 5_000;

export interface StageOptions {
  readonly playback: Playback;
  readonly fetchRaster: (key: string) => Promise<Blob>;
}

export class Stage implements StageView {
  readonly canvas: HTMLCanvasElement;
  readonly #playback: Playback;
  readonly #rasters: Rasters;
  readonly #painter: Painter;
  readonly #resized: ResizeObserver;
  #plan: Plan | null = null;
  #scene: Scene | null = null;
  #draft: Draft | null = null;
  #drawn: readonly Tile[] = [];
  #drawnFrameMs = -1;
  #isDirty = true;
  #painted = 0;
  #paintMs: number[] = [];
  #request = 0;

  constructor({ playback, fetchRaster }: StageOptions) {
    this.#playback = playback;
    this.#rasters = new Rasters(fetchRaster, () => this.invalidate());
    this.canvas = document.createElement("canvas");
    this.canvas.style.display = "block";
    this.canvas.style.width = "100%";
    this.#painter = new Painter(context2d(this.canvas));
    this.#resized = new ResizeObserver(() => this.#fitScreen());
    this.#resized.observe(this.canvas);
    this.#request = requestAnimationFrame(this.#onFrame);
  }

  /** Shows this plan from now on. */
  setPlan(plan: Plan | null): void {
    this.#plan = plan;
    this.#fitScreen();
    this.invalidate();
  }

  /** Something that is seen has changed. */
  invalidate(): void {
    this.#isDirty = true;
  }

  close(): void {
    cancelAnimationFrame(this.#request);
    this.#resized.disconnect();
    this.#rasters.close();
  }

  /** How long painting took, for the last frames. */
  get paints(): { readonly count: number; readonly lastMs: readonly number[] } {
    return { count: this.#painted, lastMs: this.#paintMs };
  }

  // ---- StageView ------------------------------------------------------------------------------------------------

  tiles(): readonly Tile[] {
    return this.#drawn;
  }

  setDraft(draft: Draft | null): void {
    this.#draft = draft;
    this.invalidate();
  }

  async settled(): Promise<void> {
    do {
      await nextFrame();
      this.#draw();
    } while (!this.#playback.isSettled || !this.#rasters.isIdle);
    this.#draw();
  }

  async snapshot(): Promise<Blob> {
    const { w, h } = this.#size;
    const aside = new OffscreenCanvas(w, h);
    const context = aside.getContext("2d");
    const moment = this.#moment();
    if (context === null || moment === null) throw new Error("there is no plan to show");
    new Painter(context).paint(this.#size, moment.scene.background, this.#layers(moment, this.#tilesOf(moment)));
    return aside.convertToBlob({ type: "image/png" });
  }

  // ---- how ------------------------------------------------------------------------------------------------------

  get #size(): Size {
    return this.#plan?.canvas ?? { w: 1920, h: 1080 };
  }

  get #frameMs(): number {
    return frameTimeMs(this.#playback.timeMs(), this.#plan?.fps ?? 30);
  }

  readonly #onFrame = (): void => {
    this.#request = requestAnimationFrame(this.#onFrame);
    if (this.#isDirty || this.#frameMs !== this.#drawnFrameMs) this.#draw();
  };

  #draw(): void {
    const moment = this.#moment();
    if (moment === null) return;
    this.#isDirty = false;
    this.#drawnFrameMs = this.#frameMs;
    this.#drawn = this.#tilesOf(moment);
    if (moment.scene !== this.#scene) this.#look(moment.scene);
    const layers = this.#layers(moment, this.#drawn);
    const began = performance.now();
    this.#painter.paint(this.#size, moment.scene.background, layers);
    this.#painted++;
    this.#paintMs = [...this.#paintMs.slice(1 - KEPT_PAINTS), performance.now() - began];
  }

  /** Another scene is on: the stills of those that follow are fetched, so that they are there in time. */
  #look(scene: Scene): void {
    this.#scene = scene;
    const soon = this.#plan === null ? [] : tilesDuring(this.#plan, scene.end_ms, scene.end_ms + AHEAD_MS);
    this.#rasters.prefetch(
      soon.flatMap(({ image, label }) => [image, label?.image ?? null].filter((key) => key !== null)),
    );
  }

  #moment(): Moment | null {
    return this.#plan === null ? null : momentAt(this.#plan, this.#frameMs);
  }

  #tilesOf({ tiles }: Moment): readonly Tile[] {
    const draft = this.#draft;
    if (draft === null) return tiles;
    const moved = tiles.map((tile) => {
      const rect = draft.get(tile.tile_id);
      return rect === undefined ? tile : { ...tile, rect, label: carriedLabel(tile.label, tile.rect, rect) };
    });
    const isHeld = (tile: Tile) => draft.has(tile.tile_id);
    return [...moved.filter((tile) => !isHeld(tile)), ...moved.filter(isHeld)];
  }

  #layers(moment: Moment, tiles: readonly Tile[]): readonly Layer[] {
    return layersOf(tiles, {
      canvas: this.#size,
      background: moment.scene.background,
      speaking: moment.speaking,
      videoOf: (tile) => this.#shown(tile),
      rasterOf: (key, slot) => this.#rasters.get(key, slot),
    });
  }

  #shown(tile: Tile): Drawable | null {
    const picture = this.#playback.pictureOf(tile);
    if (picture !== null) return { ...picture, image: picture.video, version: picture.serial };
    const still = this.#playback.stillOf(tile);
    if (still === null) return null;
    const { image, source } = still;
    return { image, source, inFrame: { x: 0, y: 0, w: image.width, h: image.height }, version: 0 };
  }

  /** As many pixels as the screen shows of it, and no more than the plan's canvas has. */
  #fitScreen(): void {
    const { w, h } = this.#size;
    this.canvas.style.aspectRatio = `${w} / ${h}`;
    const scale = Math.min(1, (this.canvas.clientWidth * devicePixelRatio) / w || 1);
    const [width, height] = [Math.max(2, Math.round(w * scale)), Math.max(2, Math.round(h * scale))];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.#playback.setScale(scale);
    this.#draw();
  }
}

function context2d(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d", { alpha: false });
  if (context === null) throw new Error("this browser draws no canvas");
  return context;
}

function nextFrame(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => resolve()));
}
