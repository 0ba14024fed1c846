import { describe, expect, it } from "vitest";

import type { Autosave } from "../composition/autosave";
import { EMPTY } from "../composition/defaults";
import { CompositionDocument } from "../composition/document";
import { setLayout } from "../composition/edits";
import type { CompositionState } from "../composition/types";
import type { ComposerEngine } from "../engine/types";
import { plan, scene, tile } from "../shared/fixtures";
import { Cell } from "../shared/observable";
import { Actions } from "./actions";
import { Session } from "./session";

/** A document that is saved nowhere, and a playhead that rests. */
function resting(state: CompositionState) {
  const unsaved = { changed: () => undefined } as unknown as Autosave<CompositionState>;
  const document = new CompositionDocument(state, unsaved);
  let timeMs = 0;
  const transport = {
    state: new Cell({ playing: false, rate: 1 }),
    timeMs: () => timeMs,
    seek: (to: number) => (timeMs = to),
    pause: () => undefined,
    setRate: () => undefined,
  };
  const tiles = [tile("ada")];
  const engine = {
    document,
    transport,
    manifest: new Cell({ duration_ms: 60_000 }),
    plan: new Cell({ plan: plan([scene(0, 60_000, tiles)]) }),
    stage: { tiles: () => tiles },
  } as unknown as ComposerEngine;
  const session = new Session();
  return { actions: new Actions(engine, session), session, document, transport };
}

describe("going to an event", () => {
  it("goes to the frame that shows it: an edit made there is of that event's time", () => {
    const { actions, document } = resting(setLayout(EMPTY, 3_333, "split"));
    actions.seekToEvent(3_333);
    actions.setLayout("pip");
    expect(document.state.get().timeline).toEqual([{ t: 3_333, type: "layout", layout: "pip" }]);
  });

  it("from one to the next stops at each, and goes on from there", () => {
    const { actions, transport } = resting(setLayout(setLayout(EMPTY, 3_340, "split"), 5_000, "pip"));
    const times = (["nextEvent", "nextEvent", "previousEvent", "previousEvent"] as const).map((command) => {
      actions.run(command);
      return Math.floor(transport.timeMs());
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
