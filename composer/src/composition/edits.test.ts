import { describe, expect, it } from "vitest";

import { isHiddenAt, isMutedAt, layoutAt, pinnedAt, placedAt, textOfTile } from "./at";
import { completed, EMPTY, exportOf, styleOf, trackOf } from "./defaults";
import * as edits from "./edits";
import { insideFrame } from "./rects";
import type { CompositionState, TimelineEvent } from "./types";

const CORNER = { x: 0.7, y: 0.7, w: 0.25, h: 0.25 };

function timeline(state: CompositionState): readonly string[] {
  return state.timeline.map((event) => `${event.t} ${event.type}`);
}

describe("what happens at a time", () => {
  it("stands in order of time, whatever the order of editing", () => {
    let state = edits.setLayout(EMPTY, 2000, "speaker");
    state = edits.pin(state, 500.4, "ada");
    state = edits.hide(state, 2000, "ben");
    expect(timeline(state)).toEqual(["500 pin", "2000 layout", "2000 hide"]);
  });

  it("replaces what contradicts it at that very time, and nothing else", () => {
    let state = edits.pin(EMPTY, 1000, "ada");
    state = edits.mute(state, 1000, "ada");
    state = edits.pin(state, 2000, "ada");
    state = edits.unpin(state, 1000);
    expect(timeline(state)).toEqual(["1000 mute", "1000 unpin", "2000 pin"]);
    expect(edits.unmute(state, 1000, "ben").timeline).toHaveLength(4);
  });

  it("is no edit where it is so already", () => {
    const state = edits.place(EMPTY, 1000, "ada", CORNER);
    expect(edits.place(state, 1000, "ada", CORNER)).toBe(state);
    expect(edits.removeEvent(state, 7)).toBe(state);
    expect(edits.moveEvent(state, 0, 1000.2)).toBe(state);
    expect(edits.setStyle(state, {})).toBe(state);
    expect(edits.setTrack(state, "ada", {})).toBe(state);
  });

  it("tells camera and screen of a peer apart", () => {
    let state = edits.place(EMPTY, 0, "ada", CORNER);
    state = edits.place(state, 0, "ada", { x: 0, y: 0, w: 0.5, h: 0.5 }, { source: "screenshare", z: 4 });
    state = edits.unplace(state, 100, "ada");
    expect(placedAt(state, 50, "ada", "camera")?.rect).toEqual(CORNER);
    expect(placedAt(state, 100, "ada", "camera")).toBeNull();
    expect(placedAt(state, 100, "ada", "screenshare")?.z).toBe(4);
  });

  it("is found at later times", () => {
    let state = edits.setTrack(edits.setLayout(EMPTY, 1000, "pip"), "ada", { muted: true });
    state = edits.unmute(edits.hide(state, 300, "ada"), 500, "ada");
    state = edits.show(edits.pin(state, 400, "ben", "screenshare"), 600, "ada");
    expect([layoutAt(state, 999), layoutAt(state, 1000)]).toEqual(["grid", "pip"]);
    expect([isMutedAt(state, 499, "ada"), isMutedAt(state, 500, "ada")]).toEqual([true, false]);
    expect([0, 300, 600].map((t) => isHiddenAt(state, t, "ada"))).toEqual([false, true, false]);
    expect([pinnedAt(state, 0), pinnedAt(state, 400)]).toEqual([null, { peerId: "ben", source: "screenshare" }]);
  });
});

describe("events in the timeline", () => {
  const state = edits.addText(edits.pin(edits.pin(EMPTY, 100, "ada"), 200, "ben"), 200, "Hello", CORNER, 4000);

  it("move, and what they contradict gives way", () => {
    const moved = edits.moveEvent(state, 0, 200);
    expect(timeline(moved)).toEqual(["200 text", "200 pin"]);
    expect(pinnedAt(moved, 200)?.peerId).toBe("ada");
  });

  it("are replaced where they stand", () => {
    const text: TimelineEvent = { t: 200, type: "text", text: "Bye", rect: CORNER, duration_ms: 1 };
    expect(edits.replaceEvent(state, 2, text).timeline[2]).toEqual(text);
    expect(timeline(edits.replaceEvent(state, 2, { ...text, t: 50 }))).toEqual(["50 text", "100 pin", "200 pin"]);
  });

  it("are found behind their tiles", () => {
    const two = edits.addText(state, 200, "Again", CORNER, 10);
    expect(textOfTile(two, "text/200")?.event.text).toBe("Hello");
    expect(textOfTile(two, "text/200-1")?.event.text).toBe("Again");
    expect(textOfTile(two, "text/200-2")).toBeNull();
    expect(textOfTile(two, "ada/camera")).toBeNull();
  });
});

describe("what holds throughout", () => {
  it("names, volumes and trims within what the server takes", () => {
    let state = edits.setVolume(EMPTY, "ada", 99);
    state = edits.setLabel(state, "ada", "  Ada  ");
    expect(trackOf(state, "ada")).toEqual({
      peer_id: "ada",
      muted: false,
      volume_db: 20,
      hidden: false,
      label: "Ada",
      nudge_ms: 0,
    });
    expect(edits.setLabel(state, "ada", " ").tracks).toEqual([{ peer_id: "ada", volume_db: 20 }]);
    expect(exportOf(edits.trim(state, 5000, 4000))).toMatchObject({ start_ms: 5000, end_ms: 5001 });
    expect(exportOf(edits.trim(state, null, null))).toMatchObject({ start_ms: null, end_ms: null });
  });

  it("has the server's defaults", () => {
    expect(styleOf(edits.setStyle(EMPTY, { gap: 0 }))).toMatchObject({ gap: 0, background: "#101418", max_tiles: 25 });
    expect(edits.toggleHidden(edits.toggleMuted(EMPTY, "ada"), "ada").tracks).toEqual([
      { peer_id: "ada", muted: true, hidden: true },
    ]);
  });

  it("takes a document of the seed", () => {
    const seed = {
      layout: "speaker" as const,
      timeline: [
        { t: 9, type: "unpin" as const },
        { t: 2, type: "unpin" as const },
      ],
    };
    expect(completed(seed)).toMatchObject({ version: 1, layout: "speaker", tracks: [], style: {}, export: {} });
    expect(timeline(completed(seed))).toEqual(["2 unpin", "9 unpin"]);
  });
});

describe("placed rectangles", () => {
  it.each([
    [{ x: -0.2, y: 0.9, w: 0.5, h: 0.5 }],
    [{ x: 0.999999, y: 0.4, w: 0.0001, h: 3 }],
    [{ x: 1 / 3, y: 2 / 3, w: 2 / 3, h: 1 / 3 }],
    [{ x: 0.7, y: 0.1, w: 0.3, h: 0.9 }],
  ])("lie wholly inside the frame: %o", (rect) => {
    const { x, y, w, h } = insideFrame(rect);
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
    expect(Math.min(w, h)).toBeGreaterThanOrEqual(0.02);
    expect(Math.max(x + w, y + h)).toBeLessThanOrEqual(1 + 1e-6);
  });

  it("stay as they are where they may", () => expect(insideFrame(CORNER)).toEqual(CORNER));
});
