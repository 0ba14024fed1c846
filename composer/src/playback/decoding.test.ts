import { expect, it } from "vitest";

import { Decoding } from "./decoding";

function givenUp(): Decoding {
  const decoding = new Decoding();
  for (let i = 0; i < 3; i++) decoding.failed();
  return decoding;
}

function plays(decoding: Decoding, fromMs: number, toMs: number): void {
  for (let at = fromMs; at <= toMs; at += 100) decoding.playsAt(at);
}

it("begins anew twice at once; then it is given up, however often it fails", () => {
  const decoding = new Decoding();
  expect([1, 2, 3, 4].map(() => decoding.failed())).toEqual([true, true, false, false]);
  expect(decoding.isGivenUp).toBe(true);
});

it("is trusted again after ten seconds of play, not before", () => {
  const decoding = givenUp();
  plays(decoding, 60_000, 69_900);
  expect(decoding.isGivenUp).toBe(true);
  plays(decoding, 70_000, 70_100);
  expect(decoding.isGivenUp).toBe(false);
  expect(decoding.failed()).toBe(true);
});

it("has not played what was sought past, or stood at, or was before it failed again", () => {
  const decoding = givenUp();
  plays(decoding, 0, 9_000);
  decoding.playsAt(40_000);
  for (let i = 0; i < 200; i++) decoding.playsAt(40_000);
  expect(decoding.isGivenUp).toBe(true);
  decoding.failed();
  plays(decoding, 40_000, 49_000);
  expect(decoding.isGivenUp).toBe(true);
});
