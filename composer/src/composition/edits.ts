/**
 * Edits of a Composition State, as pure functions: state in, state out.
 *
 * What happens at a time replaces what was said of the same subject at that very time; everything else stays. An edit
 * that changes nothing gives the same object back, so callers see by identity whether there is something to save.
 * Times are rounded to whole milliseconds, fractions to 1e-6.
 */

import { sortedByTime, trackOf } from "./defaults";
import { insideFrame } from "./rects";
import type {
  CompositionState,
  ExportState,
  FitName,
  LayoutName,
  NormRect,
  PeerAction,
  Source,
  StyleState,
  TextEvent,
  TimelineEvent,
  TrackState,
} from "./types";

export interface Placing {
  readonly source?: Source;
  readonly z?: number;
  readonly fit?: FitName | null;
  readonly crop?: NormRect | null;
}

// ---- what happens at a time -----------------------------------------------------------------------------------------

/** From `t` on, tiles are arranged by `layout`. At 0 this is the layout of the whole recording. */
export function setLayout(state: CompositionState, t: number, layout: LayoutName): CompositionState {
  return put(state, { t: whole(t), type: "layout", layout });
}

export function pin(state: CompositionState, t: number, peerId: string, source: Source = "camera"): CompositionState {
  return put(state, { t: whole(t), type: "pin", peer_id: peerId, source });
}

export function unpin(state: CompositionState, t: number): CompositionState {
  return put(state, { t: whole(t), type: "unpin" });
}

/** From `t` on, a tile stands free at `rect` (fractions of the canvas). */
export function place(
  state: CompositionState,
  t: number,
  peerId: string,
  rect: NormRect,
  how: Placing = {},
): CompositionState {
  return put(state, { t: whole(t), type: "place", peer_id: peerId, rect: insideFrame(rect), ...how });
}

export function unplace(
  state: CompositionState,
  t: number,
  peerId: string,
  source: Source = "camera",
): CompositionState {
  return put(state, { t: whole(t), type: "unplace", peer_id: peerId, source });
}

export function hide(state: CompositionState, t: number, peerId: string): CompositionState {
  return act(state, t, peerId, "hide");
}

export function show(state: CompositionState, t: number, peerId: string): CompositionState {
  return act(state, t, peerId, "show");
}

export function mute(state: CompositionState, t: number, peerId: string): CompositionState {
  return act(state, t, peerId, "mute");
}

export function unmute(state: CompositionState, t: number, peerId: string): CompositionState {
  return act(state, t, peerId, "unmute");
}

export function addText(
  state: CompositionState,
  t: number,
  text: string,
  rect: NormRect,
  durationMs: number,
): CompositionState {
  const event: TextEvent = {
    t: whole(t),
    type: "text",
    text,
    rect: insideFrame(rect),
    duration_ms: Math.max(1, whole(durationMs)),
  };
  return put(state, event);
}

// ---- events by their place in the timeline --------------------------------------------------------------------------

/** Moves event `index` to `t`; what was said of the same subject at that very time gives way. */
export function moveEvent(state: CompositionState, index: number, t: number): CompositionState {
  const event = state.timeline[index];
  if (event === undefined || event.t === whole(t)) return state;
  return put(removeEvent(state, index), { ...event, t: whole(t) });
}

export function removeEvent(state: CompositionState, index: number): CompositionState {
  if (state.timeline[index] === undefined) return state;
  return { ...state, timeline: state.timeline.filter((_, i) => i !== index) };
}

/** Event `index` becomes `event`. */
export function replaceEvent(state: CompositionState, index: number, event: TimelineEvent): CompositionState {
  const old = state.timeline[index];
  if (old === undefined || same(old, event)) return state;
  if (old.t !== event.t) return put(removeEvent(state, index), event);
  return { ...state, timeline: state.timeline.map((known, i) => (i === index ? event : known)) };
}

// ---- what holds from the start to the end ---------------------------------------------------------------------------

/** What is said of a peer for the whole recording; a field given as undefined goes back to its default. */
export function setTrack(
  state: CompositionState,
  peerId: string,
  change: { readonly [K in Exclude<keyof TrackState, "peer_id">]?: TrackState[K] | undefined },
): CompositionState {
  const old = state.tracks.find((track) => track.peer_id === peerId);
  const track = defined({ ...old, ...change, peer_id: peerId }) as unknown as TrackState;
  if (same(old ?? { peer_id: peerId }, track)) return state;
  const tracks = old === undefined ? [...state.tracks, track] : state.tracks.map((t) => (t === old ? track : t));
  return { ...state, tracks };
}

export function setVolume(state: CompositionState, peerId: string, volumeDb: number): CompositionState {
  return setTrack(state, peerId, { volume_db: Math.min(20, Math.max(-60, Math.round(volumeDb * 10) / 10)) });
}

/** The name on a peer's label; an empty one is the meeting's own again. */
export function setLabel(state: CompositionState, peerId: string, label: string): CompositionState {
  return setTrack(state, peerId, { label: label.trim() === "" ? undefined : label.trim() });
}

export function toggleMuted(state: CompositionState, peerId: string): CompositionState {
  return setTrack(state, peerId, { muted: !trackOf(state, peerId).muted });
}

export function toggleHidden(state: CompositionState, peerId: string): CompositionState {
  return setTrack(state, peerId, { hidden: !trackOf(state, peerId).hidden });
}

export function setStyle(state: CompositionState, change: StyleState): CompositionState {
  const style = { ...state.style, ...change };
  return same(state.style, style) ? state : { ...state, style };
}

/** Resolution, frame rate, loudness. */
export function setExport(state: CompositionState, change: ExportState): CompositionState {
  const wanted = { ...state.export, ...change };
  return same(state.export, wanted) ? state : { ...state, export: wanted };
}

/** What part of the recording is exported; null is from its start, to its end. */
export function trim(state: CompositionState, startMs: number | null, endMs: number | null): CompositionState {
  const start = startMs === null ? null : Math.max(0, whole(startMs));
  const end = endMs === null ? null : Math.max((start ?? 0) + 1, whole(endMs));
  return setExport(state, { start_ms: start, end_ms: end });
}

/** The same composition of the whole recording, whatever part of it is exported: one wants to see what one cuts. */
export function untrimmed(state: CompositionState): CompositionState {
  return trim(state, 0, null);
}

// ---- how ------------------------------------------------------------------------------------------------------------

/** What an event is about: two events of one subject at one time contradict each other. */
export function subjectOf(event: TimelineEvent): string | null {
  switch (event.type) {
    case "layout":
      return "layout";
    case "pin":
    case "unpin":
      return "pin";
    case "place":
    case "unplace":
      return `place ${event.source ?? "camera"} ${event.peer_id}`;
    case "hide":
    case "show":
      return `seen ${event.peer_id}`;
    case "mute":
    case "unmute":
      return `heard ${event.peer_id}`;
    case "text":
      return null;
  }
}

/** `event` in its place by time, instead of what contradicts it. */
function put(state: CompositionState, event: TimelineEvent): CompositionState {
  const subject = subjectOf(event);
  const contradicts = (known: TimelineEvent) => known.t === event.t && subject !== null && subjectOf(known) === subject;
  const contradicted = state.timeline.filter(contradicts);
  if (contradicted.length === 1 && same(contradicted[0], event)) return state;
  const kept = state.timeline.filter((known) => !contradicts(known));
  return { ...state, timeline: sortedByTime([...kept, event]) };
}

function act(state: CompositionState, t: number, peerId: string, type: PeerAction): CompositionState {
  return put(state, { t: whole(t), type, peer_id: peerId });
}

function whole(ms: number): number {
  return Math.max(0, Math.round(ms));
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Whether two plain values say the same, whatever the order of their fields. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => key in right && same(left[key], right[key]));
}
