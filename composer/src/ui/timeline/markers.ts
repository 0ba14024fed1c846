/**
 * The composition's events as what a timeline shows: spans that begin with a marker. Pure.
 *
 * Layouts and pins fill lanes of their own above the peers; what is said of one peer lies on that peer's lane. A span
 * lasts until an event that ends it, and each event that is not merely an end has one marker to be grasped by. An end
 * (unpin, unplace, show, unmute) is a marker too: it can be moved and removed like any other.
 */

import { subjectOf } from "../../composition/edits";
import type { CompositionState, LayoutName, TimelineEvent } from "../../composition/types";

/** Which lane: of layouts, of pins, of texts, or of one peer. */
export type LaneId = "layout" | "pin" | "text" | `peer:${string}`;

export type MarkerKind = "layout" | "pin" | "place" | "hide" | "mute" | "text";

export interface Marker {
  readonly event: TimelineEvent;
  /** Its place in `state.timeline`. */
  readonly index: number;
  readonly lane: LaneId;
  readonly kind: MarkerKind;
  readonly tMs: number;
  /** Where what it began ends; `tMs` itself for events that end something. */
  readonly endMs: number;
  readonly label: string;
}

export const LAYOUT_NAMES: Readonly<Record<LayoutName, string>> = {
  grid: "Grid",
  speaker: "Speaker",
  spotlight: "Spotlight",
  sidebar: "Sidebar",
  pip: "Picture in picture",
  split: "Split",
  free: "Free",
};

export type NameOf = (peerId: string) => string;

/** Every event's marker, in the order of the timeline. */
export function markersOf(state: CompositionState, durationMs: number, nameOf: NameOf): readonly Marker[] {
  const ends = endsOf(state.timeline, durationMs);
  return state.timeline.map((event, index) => ({
    event,
    index,
    ...about(event, nameOf),
    tMs: event.t,
    endMs: ends[index] ?? event.t,
  }));
}

/** The layout that holds before the first layout event, as a span; null where an event at 0 replaces it. */
export function openingLayout(
  state: CompositionState,
  durationMs: number,
): { layout: LayoutName; endMs: number } | null {
  const first = state.timeline.find((event) => event.type === "layout");
  if (first?.t === 0) return null;
  return { layout: state.layout, endMs: first?.t ?? durationMs };
}

/** What an event says, in words. */
export function told(event: TimelineEvent, nameOf: NameOf): string {
  switch (event.type) {
    case "layout":
      return LAYOUT_NAMES[event.layout];
    case "pin":
      return `Pin ${nameOf(event.peer_id)}${event.source === "screenshare" ? "’s screen" : ""}`;
    case "unpin":
      return "Unpin";
    case "place":
      return `Place ${nameOf(event.peer_id)}${event.source === "screenshare" ? "’s screen" : ""}`;
    case "unplace":
      return `Release ${nameOf(event.peer_id)}${event.source === "screenshare" ? "’s screen" : ""}`;
    case "hide":
      return `Hide ${nameOf(event.peer_id)}`;
    case "show":
      return `Show ${nameOf(event.peer_id)}`;
    case "mute":
      return `Mute ${nameOf(event.peer_id)}`;
    case "unmute":
      return `Unmute ${nameOf(event.peer_id)}`;
    case "text":
      return `Text “${event.text}”`;
  }
}

function about(event: TimelineEvent, nameOf: NameOf): { lane: LaneId; kind: MarkerKind; label: string } {
  switch (event.type) {
    case "layout":
      return { lane: "layout", kind: "layout", label: LAYOUT_NAMES[event.layout] };
    case "pin":
      return { lane: "pin", kind: "pin", label: nameOf(event.peer_id) };
    case "unpin":
      return { lane: "pin", kind: "pin", label: "" };
    case "text":
      return { lane: "text", kind: "text", label: event.text };
    case "place":
      return {
        lane: `peer:${event.peer_id}`,
        kind: "place",
        label: event.source === "screenshare" ? "Screen" : "Placed",
      };
    case "unplace":
      return { lane: `peer:${event.peer_id}`, kind: "place", label: "" };
    case "hide":
      return { lane: `peer:${event.peer_id}`, kind: "hide", label: "Hidden" };
    case "show":
      return { lane: `peer:${event.peer_id}`, kind: "hide", label: "" };
    case "mute":
      return { lane: `peer:${event.peer_id}`, kind: "mute", label: "Muted" };
    case "unmute":
      return { lane: `peer:${event.peer_id}`, kind: "mute", label: "" };
  }
}

/** For each event, when what it begins ends: at the next of its subject; its own time where it begins nothing. */
function endsOf(timeline: readonly TimelineEvent[], durationMs: number): readonly number[] {
  const next = new Map<string, number>();
  const ends = new Array<number>(timeline.length).fill(0);
  for (let i = timeline.length - 1; i >= 0; i--) {
    const event = timeline[i];
    if (event === undefined) continue;
    ends[i] = endOf(event, next, durationMs);
    const subject = subjectOf(event);
    if (subject !== null) next.set(subject, event.t);
  }
  return ends;
}

function endOf(event: TimelineEvent, next: ReadonlyMap<string, number>, durationMs: number): number {
  switch (event.type) {
    case "unpin":
    case "unplace":
    case "show":
    case "unmute":
      return event.t;
    case "text":
      return Math.min(event.t + event.duration_ms, Math.max(event.t, durationMs));
    case "layout":
    case "pin":
    case "place":
    case "hide":
    case "mute":
      return Math.max(event.t, next.get(subjectOf(event) ?? "") ?? durationMs);
  }
}
