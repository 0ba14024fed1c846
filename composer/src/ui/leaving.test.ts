import { describe, expect, it, vi } from "vitest";

import type { SaveStatus } from "../composition/autosave";
import { Cell } from "../shared/observable";
import { watchLeaving } from "./leaving";

class Sight extends EventTarget {
  hidden = false;
}

function page(kind: "saved" | "unsaved") {
  const [window, sight, flush] = [new EventTarget(), new Sight(), vi.fn(() => Promise.resolve())];
  const saving = new Cell<SaveStatus>(kind === "saved" ? { kind, atMs: null } : { kind });
  const stop = watchLeaving(window, sight, { saving, flush });
  const leave = () => {
    const event = new Event("beforeunload", { cancelable: true });
    window.dispatchEvent(event);
    return event.defaultPrevented;
  };
  const turn = (hidden: boolean) => {
    sight.hidden = hidden;
    sight.dispatchEvent(new Event("visibilitychange"));
  };
  return { leave, turn, flush, stop };
}

describe("leaving the page", () => {
  it("asks where edits are not saved, and only there", () => {
    expect(page("unsaved").leave()).toBe(true);
    expect(page("saved").leave()).toBe(false);
  });

  it("saves what is not saved when it is put out of sight", () => {
    const unsaved = page("unsaved");
    unsaved.turn(false);
    expect(unsaved.flush).not.toHaveBeenCalled();
    unsaved.turn(true);
    expect(unsaved.flush).toHaveBeenCalledOnce();
    const saved = page("saved");
    saved.turn(true);
    expect(saved.flush).not.toHaveBeenCalled();
  });

  it("is nobody's business once the composer is gone", () => {
    const { leave, turn, flush, stop } = page("unsaved");
    stop();
    turn(true);
    expect([leave(), flush.mock.calls.length]).toEqual([false, 0]);
  });
});
