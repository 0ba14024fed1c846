/** Colours of what is drawn on the timeline's canvases; those of the page are in styles/tokens.css. */

import type { MarkerKind } from "./markers";

export const COLOURS = {
  ground: "#0f1215",
  head: "#13171b",
  ruler: "#7f8995",
  rulerText: "#9aa4b1",
  line: "#242a31",
  present: "#1a1f25",
  waveform: "#4b5563",
  text: "#e6eaef",
  dimText: "#98a2ae",
  off: "#2a3038",
  screen: "#8ea3bd",
  trimmed: "rgb(10 12 14 / 0.62)",
  trim: "#f0b84a",
  selected: "#ffffff",
  guide: "#ff5fa2",
} as const;

/** Each kind of event: what fills its span, and what its edge and sign are drawn in. */
export const KIND_COLOURS: Readonly<Record<MarkerKind, { readonly fill: string; readonly edge: string }>> = {
  layout: { fill: "#20304a", edge: "#6aa3ff" },
  pin: { fill: "#3a2f1a", edge: "#f0b84a" },
  text: { fill: "#2f2845", edge: "#b79cff" },
  place: { fill: "#16352f", edge: "#4fd0b3" },
  hide: { fill: "#34242a", edge: "#f48ba0" },
  mute: { fill: "#34242a", edge: "#f48ba0" },
};
