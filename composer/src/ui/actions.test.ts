import { describe, expect, it } from "vitest";

import { EMPTY } from "../composition/defaults";
import { setLayout } from "../composition/edits";
import { tile } from "../shared/fixtures";
import { resting } from "./fixtures";

describe("going to an event", () => {
  it("goes to the frame that shows it: an edit made there is of that event's time", () => {
    const { actions, document } = resting(setLayout(EMPTY, 3_333, "split"));
    actions.seekToEvent(3_333);
    actions.setLayout("pip");
    expect(document.state.get().timeline).toEqual([{ t: 3_333, type: "layout", layout: "pip" }]);
  });

  it("from one to the next stops at each, and goes on from there", () => {
    const { actions, engine } = resting(setLayout(setLayout(EMPTY, 3_340, "split"), 5_000, "pip"));
    const times = (["nextEvent", "nextEvent", "previousEvent", "previousEvent"] as const).map((command) => {
      actions.run(command);
      return Math.floor(engine.transport.timeMs());
    });
    expect(times).toEqual([3_366, 5_000, 3_366, 0]);
  });
});

describe("an event that is dragged to the playhead", () => {
  it("holds from the frame on that is seen there", () => {
    const { actions, document } = resting(setLayout(EMPTY, 1_000, "split"));
    const [event] = document.state.get().timeline;
    if (event !== undefined) actions.moveEvent(event, 101_000 / 30);
    expect(document.state.get().timeline.map(({ t }) => t)).toEqual([3_366]);
  });
});

describe("a tile that is moved by keys", () => {
  it("is moved in one step of history while they are held, in another when they are pressed anew", () => {
    const { actions, session, document } = resting(EMPTY);
    session.selectTile(tile("ada"));
    actions.run("nudgeRight");
    actions.run("nudgeDown");
    const moved = document.state.get();
    actions.settle();
    actions.run("nudgeRight");
    document.undo();
    expect(document.state.get()).toBe(moved);
    document.undo();
    expect(document.state.get()).toBe(EMPTY);
  });
});
