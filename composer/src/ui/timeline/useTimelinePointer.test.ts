// @vitest-environment jsdom
import type { PointerEvent } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { EMPTY } from "../../composition/defaults";
import { setLayout } from "../../composition/edits";
import { trimOf } from "../composing";
import { resting, running } from "../fixtures";
import { markersOf } from "./markers";
import type { Pictures } from "./pictures";
import { rowsOf } from "./rows";
import { TimelineView } from "./TimelineView";
import { useTimelinePointer } from "./useTimelinePointer";
import { fitted, toX } from "./viewport";

const DURATION_MS = 60_000;
const RULER_Y = 20;
const LAYOUT_Y = 40;

beforeEach(() => vi.stubGlobal("requestAnimationFrame", () => 1));
afterEach(() => vi.unstubAllGlobals());

function pointed() {
  const editor = resting(setLayout(EMPTY, 20_000, "split"));
  const state = editor.document.state.get();
  const timeline = new TimelineView(() => ({ close: () => undefined }) as unknown as Pictures);
  const markers = markersOf(state, DURATION_MS, (id) => id);
  timeline.setView(fitted(DURATION_MS, 1000));
  timeline.show({ markers, rows: rowsOf([], markers), trim: trimOf(state, DURATION_MS) });
  const surface = { current: document.createElement("div") };
  const { now, close } = running(editor, () => useTimelinePointer(timeline, surface));
  return { ...editor, timeline, pointer: now()("head"), close };
}

function pointerAt(clientX: number, clientY: number, pointerId = 1): PointerEvent<HTMLElement> {
  const currentTarget = { setPointerCapture: () => undefined, getBoundingClientRect: () => ({ top: 0 }) };
  const event = { button: 0, pointerId, pointerType: "mouse", ctrlKey: true, clientX, clientY, currentTarget };
  return event as unknown as PointerEvent<HTMLElement>;
}

it.each(["the browser takes the pointer away", "a second finger comes"])(
  "shows a marker where it was when %s",
  (why) => {
    const { timeline, pointer, document, close } = pointed();
    const { markers } = timeline.shown;
    const x = toX(timeline.view.get(), 20_000);
    pointer.onPointerDown(pointerAt(x, LAYOUT_Y));
    pointer.onPointerMove(pointerAt(x + 30, LAYOUT_Y));
    expect(timeline.shown.markers).not.toEqual(markers);
    if (why.startsWith("a second")) pointer.onPointerDown(pointerAt(x + 90, LAYOUT_Y, 2));
    else pointer.onPointerCancel();
    expect(timeline.shown.markers).toEqual(markers);
    expect(document.steps.get().canUndo).toBe(false);
    close();
  },
);

it("ends the step of history of a trim that the browser takes away", () => {
  const { timeline, pointer, document, actions, close } = pointed();
  const x = toX(timeline.view.get(), 0);
  pointer.onPointerDown(pointerAt(x, RULER_Y));
  pointer.onPointerMove(pointerAt(x + 30, RULER_Y));
  pointer.onPointerCancel();
  const trimmed = document.state.get();
  expect(trimOf(trimmed, DURATION_MS).startMs).toBeGreaterThan(0);
  actions.dragTrim("in", 30_000);
  document.undo();
  expect(document.state.get()).toBe(trimmed);
  close();
});
