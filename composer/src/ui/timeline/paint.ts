/**
 * Draws a timeline on its two canvases: the head (ruler, layouts, pins, texts) and the peers' lanes.
 *
 * Everything is given; nothing is remembered but the hatching. What is out of sight is not touched, so a frame costs
 * as much for two hours as for a minute.
 */

import { lastStarted } from "../../plan/spans";
import type { SpanMs } from "../../plan/types";
import { GLYPHS } from "../glyphs";
import { peerColour } from "../hues";
import { CHIP_PX, headBoxes, peerBoxes, type Box } from "./boxes";
import type { PeerLane, Strip } from "./lanes";
import type { Marker } from "./markers";
import { COLOURS, KIND_COLOURS } from "./palette";
import { loudnessBetween, type Peaks } from "./peaks";
import type { Pictures } from "./pictures";
import { RULER_PX, type Band, type PeerRow, type Rows } from "./rows";
import { ticks } from "./ticks";
import { endMs, toMs, toX, type Viewport } from "./viewport";

export interface Scenery {
  readonly view: Viewport;
  readonly rows: Rows;
  readonly markers: readonly Marker[];
  /** Before the first layout event. */
  readonly opening: { readonly name: string; readonly endMs: number } | null;
  readonly trim: { readonly startMs: number; readonly endMs: number };
  readonly selected: number | null;
  readonly peaks: ReadonlyMap<string, Peaks>;
  readonly pictures: Pictures;
  /** A time that something dragged has snapped to. */
  readonly guideMs: number | null;
}

const FONT = "500 11px system-ui, 'Noto Sans', sans-serif";
const SMALL_FONT = "500 10px system-ui, 'Noto Sans', sans-serif";

// ---- head -----------------------------------------------------------------------------------------------------------

export function paintHead(context: CanvasRenderingContext2D, scenery: Scenery): void {
  const { view, rows } = scenery;
  context.fillStyle = COLOURS.head;
  context.fillRect(0, 0, view.width, rows.headHeight);
  paintRuler(context, view);
  for (const row of rows.head.slice(1)) line(context, row.y - 0.5, view.width);
  paintOpening(context, scenery);
  for (const box of headBoxes(scenery.markers, rows, view)) paintBlock(context, box, scenery);
  shadeTrimmed(context, scenery, RULER_PX, rows.headHeight);
  paintTrimRange(context, scenery);
  paintGuide(context, scenery, rows.headHeight);
}

function paintRuler(context: CanvasRenderingContext2D, view: Viewport): void {
  context.font = FONT;
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.strokeStyle = COLOURS.ruler;
  context.fillStyle = COLOURS.rulerText;
  context.lineWidth = 1;
  context.beginPath();
  for (const { x, text } of ticks(view)) {
    const at = Math.round(x) + 0.5;
    context.moveTo(at, RULER_PX);
    context.lineTo(at, RULER_PX - (text === null ? 4 : 9));
    if (text !== null && at < view.width - 30) context.fillText(text, at + 4, RULER_PX / 2 - 2);
  }
  context.globalAlpha = 0.55;
  context.stroke();
  context.globalAlpha = 1;
}

/** The layout that holds until the first layout event: there is nothing to grasp. */
function paintOpening(context: CanvasRenderingContext2D, { opening, rows, view }: Scenery): void {
  const row = rows.head.find(({ id }) => id === "layout");
  if (opening === null || row === undefined) return;
  const x = Math.max(-8, toX(view, 0));
  const w = Math.min(view.width + 8, toX(view, opening.endMs)) - x - 1;
  if (w <= 0) return;
  rounded(context, x, row.y + 3, w, row.h - 6, 5);
  context.fillStyle = "#1b222b";
  context.fill();
  words(context, opening.name, Math.max(0, x) + 10, row.y + row.h / 2, w - 14, COLOURS.dimText);
}

function paintBlock(context: CanvasRenderingContext2D, box: Box, { selected, view }: Scenery): void {
  const { fill, edge } = KIND_COLOURS[box.marker.kind];
  const isSelected = box.marker.index === selected;
  const x = Math.max(-8, box.x);
  const w = Math.max(2, Math.min(view.width + 8, box.x + box.w) - x - 1);
  const isEnd = box.marker.label === "";
  rounded(context, x, box.y, w, box.h, Math.min(5, w / 2));
  context.fillStyle = isEnd ? edge : fill;
  context.globalAlpha = isEnd ? 0.5 : 1;
  context.fill();
  context.globalAlpha = 1;
  if (isSelected) outline(context, COLOURS.selected, 1.5);
  if (box.x >= -8) {
    context.fillStyle = isSelected ? COLOURS.selected : edge;
    rounded(context, box.x, box.y, 3, box.h, 1.5);
    context.fill();
  }
  if (!box.isTight) words(context, box.marker.label, Math.max(0, x) + 10, box.y + box.h / 2, w - 14, COLOURS.text);
}

function paintTrimRange(context: CanvasRenderingContext2D, { view, trim, rows }: Scenery): void {
  const isTrimmed = trim.startMs > 0 || trim.endMs < view.durationMs;
  const [from, to] = [toX(view, trim.startMs), toX(view, trim.endMs)];
  context.fillStyle = COLOURS.trim;
  context.globalAlpha = isTrimmed ? 0.9 : 0.45;
  context.fillRect(from, RULER_PX - 3, to - from, 3);
  bracket(context, from, 1);
  bracket(context, to, -1);
  context.globalAlpha = isTrimmed ? 0.7 : 0.2;
  context.fillRect(from - 0.5, RULER_PX, 1, rows.headHeight - RULER_PX);
  context.fillRect(to - 0.5, RULER_PX, 1, rows.headHeight - RULER_PX);
  context.globalAlpha = 1;
}

/** A handle that points into the range. */
function bracket(context: CanvasRenderingContext2D, x: number, into: 1 | -1): void {
  context.beginPath();
  context.moveTo(x, RULER_PX - 14);
  context.lineTo(x + 9 * into, RULER_PX - 8);
  context.lineTo(x + 9 * into, RULER_PX);
  context.lineTo(x, RULER_PX);
  context.closePath();
  context.fill();
}

// ---- peers ----------------------------------------------------------------------------------------------------------

/** `scroll`: how far the lanes are scrolled; `height`: how much of them is seen. */
export function paintPeers(context: CanvasRenderingContext2D, scenery: Scenery, scroll: number, height: number): void {
  const { view, rows, markers, pictures } = scenery;
  context.fillStyle = COLOURS.ground;
  context.fillRect(0, 0, view.width, height);
  context.save();
  context.translate(0, -scroll);
  const seen = rows.peers.filter((row) => row.y + row.h > scroll && row.y < scroll + height);
  pictures.begin();
  for (const row of seen) paintLane(context, row, scenery);
  pictures.load();
  const boxes = peerBoxes(markers, { ...rows, peers: seen }, view);
  for (const box of boxes) paintSpan(context, box, rowOf(seen, box));
  for (const box of boxes) paintChip(context, box, box.marker.index === scenery.selected);
  context.restore();
  shadeTrimmed(context, scenery, 0, height);
  paintGuide(context, scenery, height);
}

function paintLane(context: CanvasRenderingContext2D, row: PeerRow, scenery: Scenery): void {
  const { view, peaks } = scenery;
  const { lane } = row;
  line(context, row.y + row.h - 0.5, view.width);
  context.fillStyle = COLOURS.present;
  for (const [x, w] of visible(lane.presence, view)) {
    rounded(context, x, row.film.y, w, row.wave.y + row.wave.h - row.film.y, 4);
    context.fill();
  }
  paintOff(context, row, view);
  if (lane.camera !== null) paintFilm(context, lane.camera, row.film, scenery);
  if (lane.screen !== null && row.screen !== null) {
    context.fillStyle = "#202833";
    for (const [x, w] of visible(lane.screen.spans, view)) {
      rounded(context, x, row.screen.y, w, row.screen.h, 4);
      context.fill();
    }
    paintFilm(context, lane.screen, row.screen, scenery);
  }
  const own = peaks.get(lane.peerId);
  if (own === undefined) paintSpeech(context, lane, row.wave, view);
  else paintWaveform(context, lane, own, row.wave, view);
}

/** Where a camera was off: hatched. */
function paintOff(context: CanvasRenderingContext2D, { lane, film }: PeerRow, view: Viewport): void {
  for (const [x, w] of visible(lane.cameraOff, view)) {
    context.save();
    rounded(context, x, film.y, w, film.h, 4);
    context.clip();
    context.fillStyle = hatching(context);
    context.fillRect(x, film.y, w, film.h);
    context.restore();
    if (w > 78) {
      context.font = SMALL_FONT;
      words(context, "camera off", Math.max(x, 0) + 8, film.y + film.h / 2, w - 12, COLOURS.dimText);
    }
  }
}

/** Pictures side by side, each of about the time at its left edge, clipped to when there was something to see. */
function paintFilm(context: CanvasRenderingContext2D, strip: Strip, band: Band, { view, pictures }: Scenery): void {
  for (const [x, w] of visible(strip.spans, view)) {
    context.save();
    rounded(context, x, band.y, w, band.h, 4);
    context.clip();
    const width = Math.max(8, Math.round(band.h * strip.aspectAt(toMs(view, x))));
    const stepMs = (width + 1) * view.msPerPx;
    const [from, to] = [toMs(view, Math.max(0, x)), toMs(view, Math.min(view.width, x + w))];
    for (let n = Math.floor(from / stepMs); n * stepMs < to; n++) {
      const segment = pictureIn(strip, Math.max(from, n * stepMs), stepMs);
      const picture = segment === null ? null : pictures.get(strip.path(segment));
      if (picture !== null) paintPicture(context, picture, strip, n * stepMs, { ...band, w: width }, view);
    }
    context.restore();
  }
}

function paintPicture(
  context: CanvasRenderingContext2D,
  picture: ImageBitmap,
  strip: Strip,
  tMs: number,
  band: Band & { readonly w: number },
  view: Viewport,
): void {
  const { x, y, w, h } = strip.insideAt(tMs + 1);
  const [sx, sy, sw, sh] = [x * picture.width, y * picture.height, w * picture.width, h * picture.height];
  context.drawImage(picture, sx, sy, sw, sh, Math.round(toX(view, tMs)), band.y, band.w, band.h);
}

/** The segment that holds `tMs`, or the first after it within the step, of which there is a picture. */
function pictureIn(strip: Strip, tMs: number, stepMs: number): number | null {
  const first = Math.floor(Math.max(0, tMs) / strip.segmentMs) + 1;
  const last = Math.max(first, Math.ceil((tMs + stepMs) / strip.segmentMs));
  for (let segment = first; segment <= last; segment++) if (strip.has(segment)) return segment;
  return null;
}

/** Peaks mirrored about the middle: in the peer's colour while speaking, else grey. */
function paintWaveform(
  context: CanvasRenderingContext2D,
  { presence, speech, hue }: PeerLane,
  peaks: Peaks,
  band: Band,
  view: Viewport,
): void {
  const middle = band.y + band.h / 2;
  const quiet = new Path2D();
  const spoken = new Path2D();
  let at = -1;
  for (const [start, length] of visible(presence, view)) {
    const last = Math.min(view.width, start + length);
    for (let x = Math.max(0, Math.floor(start)); x < last; x++) {
      const tMs = toMs(view, x);
      const half = Math.max(0.5, (loudnessBetween(peaks, tMs, tMs + view.msPerPx) ** 0.6 * band.h) / 2);
      while (at + 1 < speech.length && (speech[at + 1]?.[0] ?? Infinity) <= tMs + view.msPerPx / 2) at++;
      const isSpoken = tMs < (speech[at]?.[1] ?? -Infinity);
      (isSpoken ? spoken : quiet).rect(x, middle - half, 1, 2 * half);
    }
  }
  context.fillStyle = COLOURS.waveform;
  context.fill(quiet);
  context.fillStyle = peerColour(hue);
  context.fill(spoken);
}

/** While there is no waveform: when somebody spoke. */
function paintSpeech(context: CanvasRenderingContext2D, lane: PeerLane, band: Band, view: Viewport): void {
  context.fillStyle = peerColour(lane.hue);
  for (const [x, w] of visible(lane.speech, view)) {
    rounded(context, x, band.y + band.h / 2 - 3, w, 6, 3);
    context.fill();
  }
}

/** What holds from a chip on: hidden pictures are darkened, muted sound too, placed tiles have a line. */
function paintSpan(context: CanvasRenderingContext2D, box: Box, row: PeerRow | null): void {
  if (row === null || box.marker.endMs <= box.marker.tMs) return;
  const { kind } = box.marker;
  const x = Math.max(-4, box.x);
  const w = Math.min(context.canvas.width, box.x + box.w) - x;
  if (kind === "place") {
    context.fillStyle = KIND_COLOURS.place.edge;
    context.fillRect(x, row.film.y - 2, w, 2);
    return;
  }
  const band = kind === "hide" ? row.film : row.wave;
  context.fillStyle = "rgb(15 18 21 / 0.72)";
  context.fillRect(x, band.y, w, band.h);
  context.fillStyle = KIND_COLOURS[kind].edge;
  context.globalAlpha = 0.7;
  context.fillRect(x, kind === "hide" ? band.y + band.h - 2 : band.y + band.h / 2 - 0.5, w, kind === "hide" ? 2 : 1);
  context.globalAlpha = 1;
}

const SIGNS: Readonly<Record<string, string>> = {
  place: GLYPHS.place,
  unplace: GLYPHS.release,
  hide: GLYPHS.eyeOff,
  show: GLYPHS.eye,
  mute: GLYPHS.muted,
  unmute: GLYPHS.sound,
};

function paintChip(context: CanvasRenderingContext2D, box: Box, isSelected: boolean): void {
  const { edge } = KIND_COLOURS[box.marker.kind];
  rounded(context, box.x, box.y, box.grip, CHIP_PX, Math.min(4, box.grip / 2));
  const isEnd = box.marker.label === "";
  context.fillStyle = isSelected ? COLOURS.selected : isEnd ? "#1d242b" : edge;
  context.fill();
  if (isEnd) outline(context, isSelected ? COLOURS.selected : edge, 1);
  if (!box.isTight)
    sign(context, SIGNS[box.marker.event.type] ?? GLYPHS.place, box, isEnd && !isSelected ? edge : "#0f1215");
}

function sign(context: CanvasRenderingContext2D, path: string, box: Box, colour: string): void {
  context.save();
  context.translate(box.x + 2, box.y + 2);
  context.scale(0.75, 0.75);
  context.strokeStyle = colour;
  context.lineWidth = 1.8;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.stroke(new Path2D(path));
  context.restore();
}

// ---- both -----------------------------------------------------------------------------------------------------------

function shadeTrimmed(context: CanvasRenderingContext2D, { view, trim }: Scenery, top: number, bottom: number): void {
  context.fillStyle = COLOURS.trimmed;
  const [zero, from] = [toX(view, 0), toX(view, trim.startMs)];
  const [to, last] = [toX(view, trim.endMs), toX(view, view.durationMs)];
  if (from > zero) context.fillRect(zero, top, from - zero, bottom - top);
  if (last > to) context.fillRect(to, top, last - to, bottom - top);
}

function paintGuide(context: CanvasRenderingContext2D, { view, guideMs }: Scenery, height: number): void {
  if (guideMs === null) return;
  context.fillStyle = COLOURS.guide;
  context.fillRect(Math.round(toX(view, guideMs)), 0, 1, height);
}

/** The spans in sight, as [x, width], cut to a little more than the view. */
function* visible(spans: readonly SpanMs[], view: Viewport): Generator<readonly [number, number]> {
  const last = endMs(view);
  const first = Math.max(
    0,
    lastStarted(spans, view.startMs, ([start]) => start),
  );
  for (let i = first; i < spans.length; i++) {
    const [start, end] = spans[i] ?? [0, 0];
    if (start > last) return;
    const x = Math.max(-8, toX(view, start));
    const w = Math.min(view.width + 8, toX(view, end)) - x;
    if (w > 0) yield [x, Math.max(1, w)];
  }
}

function rowOf(rows: readonly PeerRow[], box: Box): PeerRow | null {
  return rows.find((row) => `peer:${row.lane.peerId}` === box.marker.lane) ?? null;
}

function rounded(context: CanvasRenderingContext2D, x: number, y: number, w: number, h: number, r: number): void {
  context.beginPath();
  context.roundRect(x, y, w, h, Math.min(r, w / 2, h / 2));
}

function outline(context: CanvasRenderingContext2D, colour: string, width: number): void {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

function line(context: CanvasRenderingContext2D, y: number, width: number): void {
  context.fillStyle = COLOURS.line;
  context.fillRect(0, y - 0.5, width, 1);
}

/** Text cut to the room it has. */
function words(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  room: number,
  colour: string,
): void {
  if (room < 14 || text === "") return;
  context.font = FONT;
  context.textBaseline = "middle";
  context.fillStyle = colour;
  const most = Math.floor(room / 5.2);
  context.fillText(text.length > most ? `${text.slice(0, Math.max(1, most - 1))}…` : text, x, y + 0.5);
}

let hatched: CanvasPattern | null = null;

function hatching(context: CanvasRenderingContext2D): CanvasPattern | string {
  if (hatched !== null) return hatched;
  const tile = new OffscreenCanvas(8, 8);
  const pen = tile.getContext("2d");
  if (pen === null) return COLOURS.off;
  pen.strokeStyle = COLOURS.off;
  pen.lineWidth = 2;
  for (const x of [-8, 0, 8]) {
    pen.moveTo(x, 8);
    pen.lineTo(x + 8, 0);
  }
  pen.stroke();
  hatched = context.createPattern(tile, "repeat");
  return hatched ?? COLOURS.off;
}
