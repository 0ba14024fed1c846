import { describe, expect, it } from "vitest";

import { ariaKeys, BINDINGS, commandOf, shownKeys } from "./keymap";

const stroke = (key: string, held: Partial<Record<"ctrlKey" | "metaKey" | "shiftKey" | "altKey", boolean>> = {}) =>
  commandOf({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held });

describe("keys", () => {
  it("know the letters in either case, for Caps Lock", () => {
    expect(stroke("j")).toBe("shuttleBack");
    expect(stroke("J")).toBe("shuttleBack");
  });

  it("tell undo from redo, with Ctrl and with ⌘", () => {
    expect(stroke("z", { ctrlKey: true })).toBe("undo");
    expect(stroke("Z", { metaKey: true, shiftKey: true })).toBe("redo");
    expect(stroke("y", { ctrlKey: true })).toBe("redo");
  });

  it("do not take the browser's own", () => {
    for (const key of ["r", "l", "t", "p", "j", "c", "v", "1"]) expect(stroke(key, { ctrlKey: true })).toBeNull();
    expect(stroke("i", { ctrlKey: true, shiftKey: true })).toBeNull();
    expect(stroke("Tab")).toBeNull();
  });

  it("find signs that are typed with Shift", () => {
    expect(stroke("?", { shiftKey: true })).toBe("help");
    expect(stroke("+", { shiftKey: true })).toBe("zoomIn");
    expect(stroke("+")).toBe("zoomIn");
  });

  it("tell a frame from a second from a nudge", () => {
    expect(stroke("ArrowLeft")).toBe("frameBack");
    expect(stroke("ArrowLeft", { shiftKey: true })).toBe("secondBack");
    expect(stroke("ArrowLeft", { altKey: true })).toBe("nudgeLeft");
  });

  it("has one command for each key", () => {
    const keys = BINDINGS.flatMap((group) => group.bindings).map((binding) => binding.key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("are told to screen readers as ARIA names them", () => {
    expect(ariaKeys("Mod+Shift+Z", false)).toBe("Control+Shift+Z");
    expect(ariaKeys("Mod+Z", true)).toBe("Meta+Z");
    expect(["ArrowLeft", "Delete", "+", "-"].map((key) => ariaKeys(key, false))).toEqual([
      "ArrowLeft",
      "Delete",
      "Plus",
      "-",
    ]);
  });

  it("are shown as they are written on the keys", () => {
    expect(shownKeys("Mod+Shift+Z", false)).toEqual(["Ctrl", "⇧", "Z"]);
    expect(shownKeys("Mod+Z", true)).toEqual(["⌘", "Z"]);
    expect(shownKeys("+", false)).toEqual(["+"]);
  });
});
