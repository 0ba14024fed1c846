/** What the server takes for an absent field (compositing/state.py), and its limits. */

import type { CompositionState, ExportState, StyleState, TrackState } from "./types";

export const MAX_EVENTS = 500;
export const MAX_BYTES = 1_000_000;

export type FullStyle = { readonly [K in keyof StyleState]-?: Exclude<StyleState[K], undefined> };
export type FullExport = { readonly [K in keyof ExportState]-?: Exclude<ExportState[K], undefined> };
export type FullTrack = { readonly [K in keyof TrackState]-?: Exclude<TrackState[K], undefined> };

const STYLE: FullStyle = {
  background: "#101418",
  gap: 8,
  corner_radius: 0,
  labels: true,
  highlight_speaker: true,
  fit: "auto",
  screenshare_fit: "contain",
  screenshare: "stage",
  transition_ms: 0,
  max_tiles: 25,
  image: null,
};

const EXPORT: FullExport = { resolution: "1920x1080", fps: 30, start_ms: 0, end_ms: null, loudness: null };

/** What is rendered while nobody has composed anything. */
export const EMPTY: CompositionState = { version: 1, layout: "grid", timeline: [], tracks: [], style: {}, export: {} };

export function styleOf(state: CompositionState): FullStyle {
  return { ...STYLE, ...state.style };
}

export function exportOf(state: CompositionState): FullExport {
  return { ...EXPORT, ...state.export };
}

export function trackOf(state: CompositionState, peerId: string): FullTrack {
  const defaults = { muted: false, volume_db: 0, hidden: false, label: null, nudge_ms: 0 };
  return { ...defaults, ...state.tracks.find((track) => track.peer_id === peerId), peer_id: peerId };
}

/** A document of the server or the seed with every list and group in place. */
export function completed(document: Partial<CompositionState>): CompositionState {
  return {
    ...EMPTY,
    ...document,
    timeline: sortedByTime(document.timeline ?? []),
    tracks: document.tracks ?? [],
    style: document.style ?? {},
    export: document.export ?? {},
  };
}

/** Stable, so ties stay in list order, as the server counts them. */
export function sortedByTime<E extends { readonly t: number }>(events: readonly E[]): readonly E[] {
  return events.every((event, i) => i === 0 || (events[i - 1]?.t ?? 0) <= event.t)
    ? events
    : [...events].sort((a, b) => a.t - b.t);
}
