// @vitest-environment jsdom
import { act, useRef } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it } from "vitest";

import { useFocusKept } from "./useFocusKept";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

let root: Root;

beforeEach(() => {
  const host = document.createElement("div");
  document.body.replaceChildren(host);
  root = createRoot(host);
});
afterEach(() => act(() => root.unmount()));

function Bar() {
  const box = useRef<HTMLDivElement>(null);
  useFocusKept(box);
  return (
    <div ref={box}>
      <button id="inside">Remove</button>
    </div>
  );
}

function Stage({ hasBar }: { readonly hasBar: boolean }) {
  return (
    <section id="stage" tabIndex={-1}>
      <div>{hasBar && <Bar />}</div>
      <button id="outside">Play</button>
    </section>
  );
}

const at = (id: string) => document.getElementById(id);

it("the focus stays near a bar that goes", () => {
  act(() => root.render(<Stage hasBar />));
  at("inside")?.focus();
  act(() => root.render(<Stage hasBar={false} />));
  expect(document.activeElement).toBe(at("stage"));
});

it("the focus stays where it is when it was not in the bar", () => {
  act(() => root.render(<Stage hasBar />));
  at("outside")?.focus();
  act(() => root.render(<Stage hasBar={false} />));
  expect(document.activeElement).toBe(at("outside"));
});
