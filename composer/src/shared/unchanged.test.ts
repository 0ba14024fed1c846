import { expect, it } from "vitest";

import { unchanged } from "./unchanged";

it("what says the same stays the same object", () => {
  const known = { peers: [{ id: "a" }] };
  expect(unchanged(known, { peers: [{ id: "a" }] })).toBe(known);
  const next = { peers: [{ id: "b" }] };
  expect(unchanged(known, next)).toBe(next);
  expect(unchanged<object | null>(null, next)).toBe(next);
});
