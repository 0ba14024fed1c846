/** The promise of tokens.css, as WCAG 2.2 counts (1.4.3, 1.4.11). */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const read = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");
const TOKENS = new Map(
  [...read("tokens.css").matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = "", colour = ""]) => [name, colour]),
);
const SHEETS = read("controls.css") + read("dialogs.css");
const TEXT = 4.5;
const EDGE = 3;

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const share = parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [a, b].map((name) => luminance(TOKENS.get(name) ?? name)).sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** What a rule says of a property; the rule's last selector is `selector`. */
function said(selector: string, property: string): string {
  const rule = SHEETS.slice(SHEETS.indexOf(`${selector} {`)).split("}")[0] ?? "";
  return new RegExp(`${property}:([^;]*);`).exec(rule)?.[1] ?? "";
}

function token(css: string): string {
  return /var\(--([\w-]+)\)/.exec(css)?.[1] ?? "";
}

function across(texts: readonly string[], grounds: readonly string[]): (readonly [string, string])[] {
  return texts.flatMap((text) => grounds.map((on) => [text, on] as const));
}

const GROUNDS = ["ground", "panel", "raised"];
const STATES = ["control", "control-over", "control-down", "accent-ground"];

describe("text on its ground", () => {
  const pairs: readonly (readonly [string, string])[] = [
    ...across(["text", "text-2", "accent-text"], [...GROUNDS, ...STATES]),
    ...across(["text-3", "pin", "danger", "good"], [...GROUNDS, "control", "accent-ground"]),
    ["danger", "control-over"],
    ["danger", "danger-ground"],
    ["#ffffff", "primary"],
    ["#ffffff", "primary-over"],
  ];
  it.each(pairs)("%s on %s", (text, on) => expect(contrast(text, on)).toBeGreaterThanOrEqual(TEXT));
});

describe("what a control is known by", () => {
  it.each([
    ".rc-select",
    ".rc-select:hover",
    ".rc-textarea",
    ".rc-segmented",
    ".rc-colour > input",
    ".rc-switch",
    ".rc-card",
  ])("the edge of %s", (selector) => {
    const edge = token(said(selector, "border(?:-color)?"));
    for (const ground of GROUNDS) expect(contrast(edge, ground)).toBeGreaterThanOrEqual(EDGE);
  });

  it.each(GROUNDS)("the track of a slider, and where the focus is, on %s", (ground) => {
    for (const sign of ["edge", "accent", "focus"]) expect(contrast(sign, ground)).toBeGreaterThanOrEqual(EDGE);
  });

  it("the segment that is chosen", () => {
    const chosen = ".rc-segmented__option input:checked + span";
    expect(contrast(token(said(chosen, "box-shadow")), "ground")).toBeGreaterThanOrEqual(EDGE);
    expect(contrast("text", token(said(chosen, "background")))).toBeGreaterThanOrEqual(TEXT);
  });
});
