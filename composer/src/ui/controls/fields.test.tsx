// @vitest-environment jsdom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, it } from "vitest";

import { TextField } from "./fields";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

it("Escape takes back what was typed, and closes no dialog", () => {
  const host = document.createElement("div");
  document.body.append(host);
  const root = createRoot(host);
  act(() => root.render(<TextField value="0:10" onCommit={() => undefined} />));
  const field = host.querySelector("input");
  if (field === null) throw new Error("there is no field");
  const isEscapeKept = () => {
    const event = new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });
    act(() => void field.dispatchEvent(event));
    return event.defaultPrevented;
  };
  expect(isEscapeKept()).toBe(false);
  act(() => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(field, "0:20"); // as typing does
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  expect(field.value).toBe("0:20");
  expect(isEscapeKept()).toBe(true);
  expect(field.value).toBe("0:10");
  act(() => root.unmount());
});
