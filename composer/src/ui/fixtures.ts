/** An editor for tests, and hooks that run in it. */

import { act, createElement } from "react";
import { createRoot } from "react-dom/client";

import type { Autosave } from "../composition/autosave";
import { CompositionDocument } from "../composition/document";
import type { CompositionState } from "../composition/types";
import type { ComposerEngine } from "../engine/types";
import { plan, scene, tile } from "../shared/fixtures";
import { Cell } from "../shared/observable";
import { Actions } from "./actions";
import { ComposerContext, type Composer } from "./context";
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

/** What a hook gives, as of its newest rendering; `close` ends it. Needs a document. */
export function running<T>(editor: ReturnType<typeof resting>, useHook: () => T): { now: () => T; close: () => void } {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  const given: T[] = [];
  const Host = () => {
    given.push(useHook());
    return null;
  };
  const root = createRoot(document.createElement("div"));
  const value = editor as unknown as Composer;
  act(() => root.render(createElement(ComposerContext, { value }, createElement(Host))));
  return { now: () => given.at(-1) as T, close: () => act(() => root.unmount()) };
}
