/**
 * What the page's buttons do to a state at a time, without leaving events behind that say nothing. Pure.
 *
 * Each function wants something to hold from `t` on. What was said of it at that very time is taken back first; if it
 * holds then anyway, nothing is added.
 */

import { isHiddenAt, isMutedAt, layoutAt, pinnedAt, placedAt } from "../composition/at";
import { exportOf } from "../composition/defaults";
import * as edits from "../composition/edits";
import type { CompositionState, LayoutName, Source, TimelineEvent } from "../composition/types";
import { firstFrameMs, frameNumber } from "../plan/at";

export function wantLayout(state: CompositionState, t: number, layout: LayoutName): CompositionState {
  const before = takenBack(state, t, "layout");
  return layoutAt(before, t) === layout ? before : edits.setLayout(state, t, layout);
}

export function wantPin(state: CompositionState, t: number, peerId: string, source: Source): CompositionState {
  const before = takenBack(state, t, "pin");
  const pinned = pinnedAt(before, t);
  return pinned?.peerId === peerId && pinned.source === source ? before : edits.pin(state, t, peerId, source);
}

export function wantNoPin(state: CompositionState, t: number): CompositionState {
  const before = takenBack(state, t, "pin");
  return pinnedAt(before, t) === null ? before : edits.unpin(state, t);
}

export function wantReleased(state: CompositionState, t: number, peerId: string, source: Source): CompositionState {
  const before = takenBack(state, t, `place ${source} ${peerId}`);
  return placedAt(before, t, peerId, source) === null ? before : edits.unplace(state, t, peerId, source);
}

export function wantHidden(state: CompositionState, t: number, peerId: string, hidden: boolean): CompositionState {
  const before = takenBack(state, t, `seen ${peerId}`);
  if (isHiddenAt(before, t, peerId) === hidden) return before;
  return hidden ? edits.hide(state, t, peerId) : edits.show(state, t, peerId);
}

export function wantMuted(state: CompositionState, t: number, peerId: string, muted: boolean): CompositionState {
  const before = takenBack(state, t, `heard ${peerId}`);
  if (isMutedAt(before, t, peerId) === muted) return before;
  return muted ? edits.mute(state, t, peerId) : edits.unmute(state, t, peerId);
}

/** The export starts at `tMs`; an end before that is taken back. */
export function trimIn(state: CompositionState, tMs: number): CompositionState {
  const { end_ms: end } = exportOf(state);
  return edits.trim(state, tMs <= 0 ? null : tMs, end !== null && end > tMs ? end : null);
}

/** The export ends at `tMs`; a start after that is taken back. */
export function trimOut(state: CompositionState, tMs: number, durationMs: number): CompositionState {
  const { start_ms: start } = exportOf(state);
  return edits.trim(state, start !== null && start < tMs ? start : null, tMs >= durationMs ? null : tMs);
}

/** The trim while one of its handles is dragged to `tMs`: it does not pass the other one. */
export function dragTrim(
  state: CompositionState,
  side: "in" | "out",
  tMs: number,
  durationMs: number,
): CompositionState {
  const { startMs, endMs } = trimOf(state, durationMs);
  const frameMs = Math.ceil(1000 / exportOf(state).fps);
  if (side === "in") return trimIn(state, Math.min(tMs, endMs - frameMs));
  return trimOut(state, Math.max(tMs, startMs + frameMs), durationMs);
}

/** The part of the recording that is exported. */
export function trimOf(state: CompositionState, durationMs: number): { startMs: number; endMs: number } {
  const { start_ms: start, end_ms: end } = exportOf(state);
  const startMs = Math.min(start ?? 0, durationMs);
  return { startMs, endMs: Math.max(startMs, Math.min(end ?? durationMs, durationMs)) };
}

/** The event times before and after those that the frame at `tMs` is the first to show: for stepping through them. */
export function neighbours(state: CompositionState, tMs: number): { before: number | null; after: number | null } {
  const { fps } = exportOf(state);
  const here = frameNumber(tMs, fps);
  const frameOf = (event: TimelineEvent) => frameNumber(firstFrameMs(event.t, fps), fps);
  return {
    before: state.timeline.findLast((event) => frameOf(event) < here)?.t ?? null,
    after: state.timeline.find((event) => frameOf(event) > here)?.t ?? null,
  };
}

function takenBack(state: CompositionState, t: number, subject: string): CompositionState {
  const says = (event: TimelineEvent) => event.t === t && edits.subjectOf(event) === subject;
  if (!state.timeline.some(says)) return state;
  return { ...state, timeline: state.timeline.filter((event) => !says(event)) };
}
