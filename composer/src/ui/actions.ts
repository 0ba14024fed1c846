/**
 * What the user can do, as verbs: buttons, keys and pointers all come here.
 *
 * An edit holds from the frame on that the user sees. Where changes are shown by a transition, the frame at which it
 * begins looks as before: so the playhead goes on to where it has ended, and further edits from there still belong to
 * the moment at which the first was made.
 */

import { isHiddenAt, isMutedAt, pinnedAt, placedAt, textOfTile } from "../composition/at";
import { exportOf, MAX_EVENTS, styleOf } from "../composition/defaults";
import * as edits from "../composition/edits";
import type { Edit } from "../composition/document";
import type { CompositionState, FitName, LayoutName, NormRect, Source, TimelineEvent } from "../composition/types";
import type { ComposerEngine } from "../engine/types";
import { eventTimeMs, firstFrameMs, nearestEventTimeMs } from "../plan/at";
import { evenRect, toFractions } from "../plan/geometry";
import type { Rect, Tile } from "../plan/types";
import * as composing from "./composing";
import type { Command } from "./keymap";
import type { Session } from "./session";
import { Shuttle } from "./shuttle";

/** In the order of the palette, and of the keys 1 to 7. */
export const LAYOUTS: readonly LayoutName[] = ["grid", "speaker", "spotlight", "sidebar", "pip", "split", "free"];

const NEW_TEXT = { text: "New text", rect: { x: 0.05, y: 0.8, w: 0.5, h: 0.1 }, durationMs: 4_000 };

interface PeerTile {
  readonly peerId: string;
  readonly source: Source;
}

export class Actions {
  readonly shuttle: Shuttle;
  readonly #engine: ComposerEngine;
  readonly #session: Session;
  #anchor: { readonly atMs: number; readonly shownMs: number } | null = null;

  constructor(engine: ComposerEngine, session: Session) {
    this.#engine = engine;
    this.#session = session;
    this.shuttle = new Shuttle(engine.transport);
  }

  get #state(): CompositionState {
    return this.#engine.document.state.get();
  }

  get durationMs(): number {
    return this.#engine.manifest.get()?.duration_ms ?? this.#engine.transport.state.get().endMs;
  }

  get #fps(): number {
    return exportOf(this.#state).fps;
  }

  /** From when on an edit made now holds: the frame that is seen, in whole milliseconds. */
  editTimeMs(): number {
    const now = this.#engine.transport.timeMs();
    const { playing } = this.#engine.transport.state.get();
    if (!playing && this.#anchor !== null && Math.abs(this.#anchor.shownMs - now) < 1) return this.#anchor.atMs;
    return eventTimeMs(now, this.#fps);
  }

  // ---- what is seen ---------------------------------------------------------------------------------------------

  setLayout(layout: LayoutName): void {
    this.#compose((state, t) => composing.wantLayout(state, t, layout));
  }

  togglePin(tile: PeerTile): void {
    if (this.isPinned(tile)) this.#compose((state, t) => composing.wantNoPin(state, t));
    else this.#compose((state, t) => composing.wantPin(state, t, tile.peerId, tile.source));
  }

  isPinned({ peerId, source }: PeerTile): boolean {
    const pinned = pinnedAt(this.#state, this.editTimeMs());
    return pinned?.peerId === peerId && pinned.source === source;
  }

  toggleHidden(peerId: string): void {
    const hidden = !isHiddenAt(this.#state, this.editTimeMs(), peerId);
    this.#compose((state, t) => composing.wantHidden(state, t, peerId, hidden));
  }

  toggleMuted(peerId: string): void {
    const t = this.editTimeMs();
    this.edit((state) => composing.wantMuted(state, t, peerId, !isMutedAt(state, t, peerId)));
  }

  /** Puts a tile of a peer, a text or the image at `rect`, in pixels of the canvas. */
  moveTile(tile: Tile, rect: Rect, coalesce: string | null = null): void {
    const canvas = this.#engine.plan.get().plan?.canvas;
    if (canvas === undefined) return;
    const norm = toFractions(evenRect(rect.x, rect.y, rect.w, rect.h), canvas);
    const peer = tile.peer_id === null ? null : { peerId: tile.peer_id, source: tile.source ?? "camera" };
    if (tile.kind === "text") this.#moveText(tile.tile_id, norm, coalesce);
    else if (tile.kind === "image") this.#moveImage(norm, coalesce);
    else if (peer !== null) this.#place(peer, norm, coalesce);
  }

  release({ peerId, source }: PeerTile): void {
    this.#compose((state, t) => composing.wantReleased(state, t, peerId, source));
  }

  /** Above all that is placed. */
  bringToFront({ peerId, source }: PeerTile): void {
    const top = Math.max(10, ...this.#state.timeline.map((event) => (event.type === "place" ? (event.z ?? 10) : 0)));
    this.#changePlaced({ peerId, source }, { z: Math.min(1000, top + 1) });
  }

  setFit(tile: PeerTile, fit: FitName): void {
    this.#changePlaced(tile, { fit });
  }

  addText(): void {
    const t = this.editTimeMs();
    this.edit((state) => edits.addText(state, t, NEW_TEXT.text, NEW_TEXT.rect, NEW_TEXT.durationMs));
    const added = this.#state.timeline.findLast((event) => event.t === t && event.type === "text");
    if (added !== undefined) this.#session.selectEvent(added);
  }

  // ---- events ---------------------------------------------------------------------------------------------------

  /** Event `event` becomes `changed`, and stays selected. */
  changeEvent(event: TimelineEvent, changed: TimelineEvent, coalesce: string | null = null): void {
    const index = this.#state.timeline.indexOf(event);
    if (index < 0) return;
    this.edit((state) => edits.replaceEvent(state, index, changed), coalesce);
    const now = this.#state.timeline.find((known) => known === changed || edits.same(known, changed));
    if (now !== undefined) this.#session.selectEvent(now);
  }

  moveEvent(event: TimelineEvent, tMs: number): void {
    this.changeEvent(event, { ...event, t: this.snappedMs(tMs) });
  }

  /** Where an event lands that is moved to `tMs`: a frame begins there. */
  snappedMs(tMs: number): number {
    return nearestEventTimeMs(Math.max(0, tMs), this.#fps);
  }

  removeEvent(event: TimelineEvent): void {
    const index = this.#state.timeline.indexOf(event);
    if (index < 0) return;
    this.edit((state) => edits.removeEvent(state, index));
    this.#session.deselect();
  }

  // ---- trim -----------------------------------------------------------------------------------------------------

  trimIn(): void {
    this.edit((state) => composing.trimIn(state, this.editTimeMs()));
  }

  trimOut(): void {
    this.edit((state) => composing.trimOut(state, this.editTimeMs(), this.durationMs));
  }

  /** One step of history until `settle`. */
  dragTrim(side: "in" | "out", tMs: number): void {
    this.edit((state) => composing.dragTrim(state, side, Math.round(tMs), this.durationMs), "trim");
  }

  clearTrim(): void {
    this.edit((state) => edits.trim(state, null, null));
  }

  // ---- whatever -------------------------------------------------------------------------------------------------

  /** Every change of the state goes through here. */
  edit(change: Edit, coalesce: string | null = null): void {
    const { document } = this.#engine;
    const changed = change(document.state.get());
    if (changed.timeline.length > MAX_EVENTS) {
      this.#session.notice.set(`A composition has at most ${MAX_EVENTS} events. Remove some first.`);
      return;
    }
    document.edit(() => changed, coalesce);
  }

  settle(): void {
    this.#engine.document.settle();
  }

  seek(tMs: number): void {
    this.shuttle.stop();
    this.#engine.transport.seek(Math.min(this.durationMs, Math.max(0, tMs)));
  }

  /** Shows what happens at `tMs`: its own frame may begin a part of a millisecond later. */
  seekToEvent(tMs: number): void {
    this.seek(firstFrameMs(tMs, this.#fps));
  }

  run(command: Command): void {
    const verb = this.#verbs[command];
    verb();
  }

  readonly #verbs: Readonly<Record<Command, () => void>> = {
    play: () => this.shuttle.toggle(),
    pause: () => this.shuttle.stop(),
    shuttleBack: () => this.shuttle.back(),
    shuttleForward: () => this.shuttle.forward(),
    frameBack: () => this.#step(-1),
    frameForward: () => this.#step(1),
    secondBack: () => this.seek(this.#engine.transport.timeMs() - 1_000),
    secondForward: () => this.seek(this.#engine.transport.timeMs() + 1_000),
    previousEvent: () =>
      this.seekToEvent(composing.neighbours(this.#state, this.#engine.transport.timeMs()).before ?? 0),
    nextEvent: () =>
      this.seekToEvent(composing.neighbours(this.#state, this.#engine.transport.timeMs()).after ?? this.durationMs),
    start: () => this.seek(0),
    end: () => this.seek(this.durationMs),
    trimIn: () => this.trimIn(),
    trimOut: () => this.trimOut(),
    clearTrim: () => this.clearTrim(),
    undo: () => this.#engine.document.undo(),
    redo: () => this.#engine.document.redo(),
    save: () => void this.#save(),
    export: () => this.#session.dialog.set("export"),
    pin: () => this.#onPeer((tile) => this.togglePin(tile)),
    hide: () => this.#onPeer(({ peerId }) => this.toggleHidden(peerId)),
    mute: () => this.#onPeer(({ peerId }) => this.toggleMuted(peerId)),
    remove: () => this.#remove(),
    deselect: () => this.#session.deselect(),
    text: () => this.addText(),
    proof: () => this.#session.proof.set(this.#session.proof.get() === "off" ? "over" : "off"),
    zoomIn: () => this.#session.zoomBy("in"),
    zoomOut: () => this.#session.zoomBy("out"),
    zoomFit: () => this.#session.zoomBy("fit"),
    help: () => this.#session.dialog.set("help"),
    layout1: () => this.#layoutNumber(1),
    layout2: () => this.#layoutNumber(2),
    layout3: () => this.#layoutNumber(3),
    layout4: () => this.#layoutNumber(4),
    layout5: () => this.#layoutNumber(5),
    layout6: () => this.#layoutNumber(6),
    layout7: () => this.#layoutNumber(7),
    nudgeLeft: () => this.#nudge(-1, 0),
    nudgeRight: () => this.#nudge(1, 0),
    nudgeUp: () => this.#nudge(0, -1),
    nudgeDown: () => this.#nudge(0, 1),
  };

  /** An edit that is seen: holds from the edit time on, and is then shown as it will be. */
  #compose(change: (state: CompositionState, t: number) => CompositionState, coalesce: string | null = null): void {
    const atMs = this.editTimeMs();
    const before = this.#state;
    this.edit((state) => change(state, atMs), coalesce);
    const { transition_ms: transitionMs } = styleOf(this.#state);
    const { playing } = this.#engine.transport.state.get();
    if (this.#state === before || playing || transitionMs === 0) return;
    this.#engine.transport.seek(Math.min(this.durationMs, firstFrameMs(atMs + transitionMs, this.#fps)));
    this.#anchor = { atMs, shownMs: this.#engine.transport.timeMs() };
  }

  #place({ peerId, source }: PeerTile, rect: NormRect, coalesce: string | null): void {
    this.#compose((state, t) => {
      const known = placedAt(state, t, peerId, source);
      const kept = known === null ? {} : placingOf(known);
      return edits.place(state, t, peerId, rect, { source, ...kept });
    }, coalesce);
  }

  #changePlaced(tile: PeerTile, change: { readonly z?: number; readonly fit?: FitName }): void {
    const placed = placedAt(this.#state, this.editTimeMs(), tile.peerId, tile.source);
    if (placed === null) return;
    const { peerId, source } = tile;
    this.#compose((state, t) =>
      edits.place(state, t, peerId, placed.rect, { source, ...placingOf(placed), ...change }),
    );
  }

  #moveText(tileId: string, rect: NormRect, coalesce: string | null): void {
    const found = textOfTile(this.#state, tileId);
    if (found !== null)
      this.edit((state) => edits.replaceEvent(state, found.index, { ...found.event, rect }), coalesce);
  }

  #moveImage(rect: NormRect, coalesce: string | null): void {
    const { image } = styleOf(this.#state);
    if (image !== null) this.edit((state) => edits.setStyle(state, { image: { ...image, rect } }), coalesce);
  }

  /** A key that is held moves it on and on: all of it is one step, which ends when the key is let go. */
  #nudge(dx: number, dy: number): void {
    const selection = this.#session.selection.get();
    if (selection.kind !== "tile") return;
    const tile = this.#engine.stage.tiles().find((drawn) => drawn.tile_id === selection.tileId);
    const canvas = this.#engine.plan.get().plan?.canvas;
    if (tile === undefined || canvas === undefined) return;
    const step = Math.max(2, Math.round(Math.min(canvas.w, canvas.h) / 270) * 2);
    const x = Math.min(canvas.w - tile.rect.w, Math.max(0, tile.rect.x + dx * step));
    const y = Math.min(canvas.h - tile.rect.h, Math.max(0, tile.rect.y + dy * step));
    this.moveTile(tile, { ...tile.rect, x, y }, `nudge ${tile.tile_id}`);
  }

  #step(frames: number): void {
    this.shuttle.stop();
    this.#engine.transport.step(frames);
  }

  #layoutNumber(number: number): void {
    const layout = LAYOUTS[number - 1];
    if (layout !== undefined) this.setLayout(layout);
  }

  #onPeer(act: (tile: PeerTile) => void): void {
    const selection = this.#session.selection.get();
    if (selection.kind !== "tile" || selection.peerId === null) {
      this.#session.notice.set("Select a tile first.");
      return;
    }
    act({ peerId: selection.peerId, source: selection.source ?? "camera" });
  }

  #remove(): void {
    const selection = this.#session.selection.get();
    if (selection.kind === "event") this.removeEvent(selection.event);
    if (selection.kind !== "tile") return;
    const text = textOfTile(this.#state, selection.tileId);
    if (text !== null) this.removeEvent(text.event);
    else if (selection.peerId !== null)
      this.release({ peerId: selection.peerId, source: selection.source ?? "camera" });
    else if (selection.tileId.startsWith("image/")) this.edit((state) => edits.setStyle(state, { image: null }));
  }

  async #save(): Promise<void> {
    try {
      await this.#engine.document.flush();
      this.#session.notice.set("Saved.");
    } catch {
      // the state of saving tells what is wrong
    }
  }
}

/** What a place keeps when its tile is moved. */
function placingOf({ z, fit, crop }: { z?: number; fit?: FitName | null; crop?: NormRect | null }): edits.Placing {
  return {
    ...(z === undefined ? {} : { z }),
    ...(fit === undefined ? {} : { fit }),
    ...(crop === undefined ? {} : { crop }),
  };
}
