/** What a state asks for at an instant, for panels and menus; what comes of it is the plan's to say. */

import { trackOf } from "./defaults";
import type { CompositionState, LayoutName, PeerAction, PlaceEvent, Source, TextEvent, TimelineEvent } from "./types";

export function layoutAt(state: CompositionState, t: number): LayoutName {
  return last(state, t, (event) => event.type === "layout")?.layout ?? state.layout;
}

/** What is pinned. */
export function pinnedAt(state: CompositionState, t: number): { peerId: string; source: Source } | null {
  const event = last(state, t, (known) => known.type === "pin" || known.type === "unpin");
  return event?.type === "pin" ? { peerId: event.peer_id, source: event.source ?? "camera" } : null;
}

/** Where a tile was placed, if it stands free. */
export function placedAt(state: CompositionState, t: number, peerId: string, source: Source): PlaceEvent | null {
  const event = last(
    state,
    t,
    (known) =>
      (known.type === "place" || known.type === "unplace") &&
      known.peer_id === peerId &&
      (known.source ?? "camera") === source,
  );
  return event?.type === "place" ? event : null;
}

export function isHiddenAt(state: CompositionState, t: number, peerId: string): boolean {
  return toggled(state, t, peerId, "hide", "show") ?? trackOf(state, peerId).hidden;
}

export function isMutedAt(state: CompositionState, t: number, peerId: string): boolean {
  return toggled(state, t, peerId, "mute", "unmute") ?? trackOf(state, peerId).muted;
}

/** The text event behind a tile: `text/{t}`, or `text/{t}-{n}` for the nth other one at that time. */
export function textOfTile(state: CompositionState, tileId: string): { index: number; event: TextEvent } | null {
  const named = /^text\/(\d+)(?:-(\d+))?$/.exec(tileId);
  if (named === null) return null;
  let nth = Number(named[2] ?? 0);
  for (const [index, event] of state.timeline.entries()) {
    if (event.type === "text" && event.t === Number(named[1]) && nth-- === 0) return { index, event };
  }
  return null;
}

function toggled(state: CompositionState, t: number, peerId: string, on: PeerAction, off: PeerAction): boolean | null {
  const event = last(
    state,
    t,
    (known) => (known.type === on || known.type === off) && "peer_id" in known && known.peer_id === peerId,
  );
  return event === null ? null : event.type === on;
}

function last<E extends TimelineEvent>(
  state: CompositionState,
  t: number,
  wanted: (event: TimelineEvent) => event is E,
): E | null;
function last(state: CompositionState, t: number, wanted: (event: TimelineEvent) => boolean): TimelineEvent | null;
function last(state: CompositionState, t: number, wanted: (event: TimelineEvent) => boolean): TimelineEvent | null {
  return state.timeline.findLast((event) => event.t <= t && wanted(event)) ?? null;
}
