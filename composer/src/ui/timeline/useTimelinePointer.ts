/**
 * What a pointer does on the timeline: scrubs, drags markers and trim handles, selects, pans, zooms.
 *
 * A mouse scrubs anywhere but on markers. A finger scrubs on the ruler, and pans and pinches on the lanes.
 */

import { useRef, type PointerEvent, type RefObject } from "react";

import { useComposer } from "../context";
import { boxAt, headBoxes, peerBoxes, type Box } from "./boxes";
import { attracted } from "./magnet";
import type { Marker } from "./markers";
import { moved } from "./moved";
import { RULER_PX } from "./rows";
import type { TimelineView } from "./TimelineView";
import { clampMs, driftPx, toMs, toX, withinPage } from "./viewport";

type Part = "head" | "peers";

interface Scrub {
  readonly kind: "scrub";
  x: number;
  isDrifting: boolean;
}

interface MarkerDrag {
  readonly kind: "marker";
  readonly box: Box;
  readonly fromX: number;
  /** As they were before: they are shown again when nothing comes of it. */
  readonly markers: readonly Marker[];
  toMs: number | null;
}

type Gesture =
  | Scrub
  | MarkerDrag
  | { readonly kind: "trim"; readonly side: "in" | "out" }
  | { readonly kind: "pan"; x: number; readonly startX: number; isMoving: boolean };

const SLOP = { mouse: 3, other: 12 };
const TRIM_REACH = { mouse: 9, other: 20 };
const DRAG_PX = 3;

type OnPointer = (event: PointerEvent<HTMLElement>) => void;

/** What an element does with the pointer. */
export interface PointerHandlers {
  readonly onPointerDown: OnPointer;
  readonly onPointerMove: OnPointer;
  readonly onPointerUp: OnPointer;
  readonly onPointerCancel: () => void;
}

export function useTimelinePointer(
  timeline: TimelineView,
  surface: RefObject<HTMLElement | null>,
): (part: Part) => PointerHandlers {
  const { engine, actions, session } = useComposer();
  const gesture = useRef<Gesture | null>(null);
  const fingers = useRef(new Map<number, number>());

  const xOf = (event: { clientX: number }) => event.clientX - (surface.current?.getBoundingClientRect().left ?? 0);
  const timeAt = (x: number) => clampMs(timeline.view.get(), toMs(timeline.view.get(), x));
  const find = (event: PointerEvent<HTMLElement>, part: Part) => found(event, part, timeline, xOf(event));

  const scrub = (now: Scrub) => {
    const x = withinPage(timeline.view.get(), now.x);
    actions.seek(timeAt(x));
    if (x === now.x || now.isDrifting) return;
    now.isDrifting = true;
    requestAnimationFrame(() => drift(now));
  };

  /** The pointer is held outside: the view moves on under it, as long as there is more. */
  const drift = (now: Scrub) => {
    now.isDrifting = false;
    if (gesture.current !== now) return;
    const before = timeline.view.get();
    timeline.pan(driftPx(before, now.x));
    if (timeline.view.get().startMs !== before.startMs) scrub(now);
  };

  const down = (part: Part) => (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    fingers.current.set(event.pointerId, xOf(event));
    if (fingers.current.size === 2) {
      giveUp();
      return;
    }
    const x = xOf(event);
    const hit = find(event, part);
    if (hit?.kind === "trim") {
      gesture.current = { kind: "trim", side: hit.side };
    } else if (hit?.kind === "marker") {
      session.selectEvent(hit.box.marker.event);
      gesture.current = hit.isGrip
        ? { kind: "marker", box: hit.box, fromX: x, markers: timeline.shown.markers, toMs: null }
        : { kind: "pan", x, startX: x, isMoving: false };
      if (!hit.isGrip && event.pointerType === "mouse") gesture.current = { kind: "scrub", x, isDrifting: false };
    } else if (part === "peers" && event.pointerType !== "mouse") {
      gesture.current = { kind: "pan", x, startX: x, isMoving: false };
    } else {
      session.deselect();
      gesture.current = { kind: "scrub", x, isDrifting: false };
      scrub(gesture.current);
    }
  };

  const move = (event: PointerEvent<HTMLElement>) => {
    const held = fingers.current.get(event.pointerId);
    if (held === undefined) return;
    if (fingers.current.size === 2) {
      pinch(event);
      return;
    }
    fingers.current.set(event.pointerId, xOf(event));
    const now = gesture.current;
    if (now === null) return;
    if (now.kind === "scrub") {
      now.x = xOf(event);
      scrub(now);
    }
    if (now.kind === "trim") dragTrim(event, now.side);
    if (now.kind === "marker") dragMarker(event, now);
    if (now.kind === "pan") {
      if (!now.isMoving && Math.abs(xOf(event) - now.startX) < 6) return;
      now.isMoving = true;
      timeline.pan(now.x - xOf(event));
      now.x = xOf(event);
    }
  };

  const up = (event: PointerEvent<HTMLElement>) => {
    if (!fingers.current.delete(event.pointerId)) return;
    const now = gesture.current;
    gesture.current = null;
    timeline.show({ guideMs: null });
    if (now?.kind === "marker") {
      if (now.toMs === null) actions.seekToEvent(now.box.marker.tMs);
      else actions.moveEvent(now.box.marker.event, now.toMs);
    }
    if (now?.kind === "trim") actions.settle();
    if (now?.kind === "pan" && !now.isMoving) actions.seek(timeAt(xOf(event)));
  };

  const cancel = () => {
    fingers.current.clear();
    giveUp();
  };

  /** What is held is let go where it came from; a trim stays where it has been dragged to. */
  const giveUp = () => {
    const now = gesture.current;
    gesture.current = null;
    timeline.show({ guideMs: null, ...(now?.kind === "marker" ? { markers: now.markers } : {}) });
    if (now?.kind === "trim") actions.settle();
  };

  const dragMarker = (event: PointerEvent<HTMLElement>, now: MarkerDrag) => {
    const view = timeline.view.get();
    const dx = xOf(event) - now.fromX;
    if (now.toMs === null && Math.abs(dx) < DRAG_PX) return;
    const { marker } = now.box;
    const wanted = clampMs(view, marker.tMs + dx * view.msPerPx);
    const marks = [engine.transport.timeMs(), ...marksBut(timeline, marker.index)];
    const { tMs, mark } = event.ctrlKey ? { tMs: wanted, mark: null } : attracted(wanted, marks, view);
    now.toMs = actions.snappedMs(tMs);
    timeline.show({ guideMs: mark, markers: moved(now.markers, marker.index, now.toMs) });
  };

  const dragTrim = (event: PointerEvent<HTMLElement>, side: "in" | "out") => {
    const view = timeline.view.get();
    const marks = [engine.transport.timeMs(), ...marksBut(timeline, null)];
    const { tMs, mark } = attracted(timeAt(xOf(event)), marks, view);
    timeline.show({ guideMs: mark });
    actions.dragTrim(side, tMs);
  };

  /** Two fingers: what is between them stays between them. */
  const pinch = (event: PointerEvent<HTMLElement>) => {
    const before = [...fingers.current.values()];
    fingers.current.set(event.pointerId, xOf(event));
    const after = [...fingers.current.values()];
    const spread = ([a = 0, b = 0]: readonly number[]) => Math.max(16, Math.abs(a - b));
    const middle = ([a = 0, b = 0]: readonly number[]) => (a + b) / 2;
    timeline.pan(middle(before) - middle(after));
    timeline.zoom(spread(after) / spread(before), middle(after));
  };

  /** What is under the pointer, for the cursor: nothing is held. */
  const hover = (part: Part) => (event: PointerEvent<HTMLElement>) => {
    if (fingers.current.size > 0 || event.pointerType !== "mouse") return;
    const hit = find(event, part);
    event.currentTarget.dataset["over"] =
      hit === null ? "" : hit.kind === "trim" ? "trim" : hit.isGrip ? "grip" : "marker";
  };

  return (part) => ({
    onPointerDown: down(part),
    onPointerMove: (event) => {
      hover(part)(event);
      move(event);
    },
    onPointerUp: up,
    onPointerCancel: cancel,
  });
}

type Hit =
  | { readonly kind: "marker"; readonly box: Box; readonly isGrip: boolean }
  | { readonly kind: "trim"; readonly side: "in" | "out" };

function found(event: PointerEvent<HTMLElement>, part: Part, timeline: TimelineView, x: number): Hit | null {
  const view = timeline.view.get();
  const { markers, rows, trim } = timeline.shown;
  const y = event.clientY - event.currentTarget.getBoundingClientRect().top + (part === "peers" ? timeline.scroll : 0);
  const isMouse = event.pointerType === "mouse";
  if (part === "head" && y < RULER_PX + 2) {
    const reach = isMouse ? TRIM_REACH.mouse : TRIM_REACH.other;
    const [toIn, toOut] = [toX(view, trim.startMs) - x, x - toX(view, trim.endMs)];
    if (y > RULER_PX - 16 && toIn < 4 && -toIn < reach) return { kind: "trim", side: "in" };
    if (y > RULER_PX - 16 && toOut < 4 && -toOut < reach) return { kind: "trim", side: "out" };
    return null;
  }
  const boxes = part === "head" ? headBoxes(markers, rows, view) : peerBoxes(markers, rows, view);
  const hit = boxAt(boxes, x, y, isMouse ? SLOP.mouse : SLOP.other);
  if (hit === null || (part === "peers" && !hit.isGrip)) return null;
  return { kind: "marker", ...hit };
}

/** Times that attract: other events, ends of spans, starts of speech, the trim. */
function marksBut(timeline: TimelineView, index: number | null): readonly number[] {
  const { markers, rows, trim } = timeline.shown;
  return [
    ...markers.filter((marker) => marker.index !== index).map((marker) => marker.tMs),
    trim.startMs,
    trim.endMs,
    ...rows.peers.flatMap(({ lane }) => [...lane.speech, ...lane.presence].map(([start]) => start)),
  ];
}
