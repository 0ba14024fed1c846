/** An editor for tests. */

import type { Autosave } from "../composition/autosave";
import { CompositionDocument } from "../composition/document";
import type { CompositionState } from "../composition/types";
import type { ComposerEngine } from "../engine/types";
import { plan, scene, tile } from "../shared/fixtures";
import { Cell } from "../shared/observable";
import { Actions } from "./actions";
import { Session } from "./session";

/** A document that is saved nowhere, a playhead that rests at 0, and one tile, whose newest plan is not there yet. */
export function resting(state: CompositionState) {
  const unsaved = { changed: () => undefined } as unknown as Autosave<CompositionState>;
  const document = new CompositionDocument(state, unsaved);
  const tiles = [tile("ada")];
  let timeMs = 0;
  const engine = {
    document,
    manifest: new Cell({ duration_ms: 60_000 }),
    plan: new Cell({ plan: plan([scene(0, 60_000, tiles)]), fetching: true, error: null }),
    stage: { tiles: () => tiles, setDraft: () => undefined },
    transport: {
      state: new Cell({ playing: false, rate: 1 }),
      timeMs: () => timeMs,
      seek: (to: number) => (timeMs = to),
      pause: () => undefined,
      setRate: () => undefined,
    },
  } as unknown as ComposerEngine;
  const session = new Session();
  return { engine, document, session, actions: new Actions(engine, session) };
}
