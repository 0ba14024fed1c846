/**
 * The timeline's canvases and what part of the recording they show. Paints when something changed, once a frame.
 *
 * What is shown comes in by `show`; who wants to follow the view subscribes to `view`. No React in here.
 */

import { Cell, type Readable } from "../../shared/observable";
import { paintHead, paintPeers, type Scenery } from "./paint";
import type { Pictures } from "./pictures";
import { fitted, following, panned, resized, withDuration, zoomed, type Viewport } from "./viewport";

export type Shown = Omit<Scenery, "view" | "pictures">;

const NOTHING: Shown = {
  rows: { head: [], headHeight: 0, peers: [], peersHeight: 0 },
  markers: [],
  opening: null,
  trim: { startMs: 0, endMs: 0 },
  selected: null,
  peaks: new Map(),
  guideMs: null,
};

/** How long after the user has moved the view it does not follow the playhead. */
const HANDS_OFF_MS = 2_500;

export class TimelineView {
  readonly #view = new Cell<Viewport>(fitted(0, 1));
  readonly #pictures: Pictures;
  #shown: Shown = NOTHING;
  #head: HTMLCanvasElement | null = null;
  #peers: HTMLCanvasElement | null = null;
  #scroller: HTMLElement | null = null;
  #request: number | null = null;
  #touchedMs = -Infinity;

  constructor(pictures: (onPicture: () => void) => Pictures) {
    this.#pictures = pictures(() => this.invalidate());
    this.#view.subscribe(() => this.invalidate());
  }

  get view(): Readable<Viewport> {
    return this.#view;
  }

  get shown(): Shown {
    return this.#shown;
  }

  /** Draws on these from now on; the function returned ends it. */
  attach(head: HTMLCanvasElement, peers: HTMLCanvasElement, scroller: HTMLElement): () => void {
    [this.#head, this.#peers, this.#scroller] = [head, peers, scroller];
    const observer = new ResizeObserver(() => this.#resize());
    for (const element of [head, scroller]) observer.observe(element);
    const onScroll = () => this.invalidate();
    scroller.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      scroller.removeEventListener("scroll", onScroll);
      if (this.#request !== null) cancelAnimationFrame(this.#request);
      this.#request = null;
      [this.#head, this.#peers, this.#scroller] = [null, null, null];
    };
  }

  show(change: Partial<Shown>): void {
    this.#shown = { ...this.#shown, ...change };
    this.invalidate();
  }

  setDuration(durationMs: number): void {
    this.#view.set(withDuration(this.#view.get(), durationMs));
  }

  zoom(factor: number, x: number = this.#view.get().width / 2): void {
    this.#touch();
    this.#view.set(zoomed(this.#view.get(), factor, x));
  }

  pan(dx: number): void {
    this.#touch();
    this.#view.set(panned(this.#view.get(), dx));
  }

  fit(): void {
    const { durationMs, width } = this.#view.get();
    this.#view.set(fitted(durationMs, width));
  }

  setView(view: Viewport): void {
    this.#touch();
    this.#view.set(view);
  }

  /** Keeps `tMs` in sight, unless the user has just moved the view. */
  follow(tMs: number, isUrgent: boolean): void {
    if (!isUrgent && performance.now() - this.#touchedMs < HANDS_OFF_MS) return;
    this.#view.set(following(this.#view.get(), tMs));
  }

  /** How far the lanes are scrolled. */
  get scroll(): number {
    return this.#scroller?.scrollTop ?? 0;
  }

  invalidate(): void {
    this.#request ??= requestAnimationFrame(() => {
      this.#request = null;
      this.#paint();
    });
  }

  /** Lets go of its pictures; they come again if it is shown again. */
  close(): void {
    this.#pictures.clear();
  }

  #touch(): void {
    this.#touchedMs = performance.now();
  }

  #resize(): void {
    const width = this.#head?.clientWidth ?? 0;
    if (width > 0) this.#view.set(resized(this.#view.get(), width));
    this.invalidate();
  }

  #paint(): void {
    if (this.#head === null || this.#peers === null || this.#scroller === null) return;
    const scenery: Scenery = { ...this.#shown, view: this.#view.get(), pictures: this.#pictures };
    const { clientHeight } = this.#scroller;
    const head = prepared(this.#head, scenery.view.width, this.#shown.rows.headHeight);
    if (head !== null) paintHead(head, scenery);
    const peers = prepared(this.#peers, scenery.view.width, clientHeight);
    if (peers !== null) paintPeers(peers, scenery, this.#scroller.scrollTop, clientHeight);
  }
}

/** A canvas of that size in CSS pixels, sharp on this screen; its context counts CSS pixels. */
function prepared(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d", { alpha: false });
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
