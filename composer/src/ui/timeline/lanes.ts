/**
 * What the timeline tells of each peer: when there, when speaking, when the camera was off, what screen was shared.
 *
 * Made from the preview's manifest, or while there is none from what the plan shows. Pure.
 */

import type { ManifestPeer, ManifestStream, PreviewManifest } from "../../api/types";
import { namesOf } from "../../plan/names";
import type { Plan, SpanMs } from "../../plan/types";

export const NEUTRAL_HUE = 250;

/** Small pictures along a stream: one for each segment. */
export interface Strip {
  /** Path of the nth picture, from 1, relative to the preview's folder. */
  readonly path: (segment: number) => string;
  readonly segmentMs: number;
  readonly has: (segment: number) => boolean;
  readonly spans: readonly SpanMs[];
  /** Width over height of the source at a time. */
  readonly aspectAt: (tMs: number) => number;
  /** Where the picture lies in the frame at a time, in fractions of the frame. */
  readonly insideAt: (tMs: number) => {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
}

export interface PeerLane {
  readonly peerId: string;
  readonly name: string;
  /** Degrees in Oklch; NEUTRAL_HUE until the colour of the peer is known. */
  readonly hue: number;
  readonly presence: readonly SpanMs[];
  readonly speech: readonly SpanMs[];
  /** In the room without a picture. */
  readonly cameraOff: readonly SpanMs[];
  /** Relative to the preview's folder. */
  readonly waveform: string | null;
  readonly camera: Strip | null;
  readonly screen: Strip | null;
}

export function lanesOf(manifest: PreviewManifest): readonly PeerLane[] {
  return manifest.peers.map((peer) => laneOf(peer, manifest.segment_seconds * 1000));
}

/** Who is known from the plan alone: names from labels, presence from what is heard and seen. */
export function lanesOfPlan(plan: Plan): readonly PeerLane[] {
  const names = namesOf(plan);
  return [...names].map(([peerId, name]) => ({
    peerId,
    name,
    hue: NEUTRAL_HUE,
    presence: plan.audio.find((peer) => peer.peer_id === peerId)?.spans_ms ?? [],
    speech: plan.speech.find((peer) => peer.peer_id === peerId)?.spans_ms ?? [],
    cameraOff: [],
    waveform: null,
    camera: null,
    screen: null,
  }));
}

function laneOf(peer: ManifestPeer, segmentMs: number): PeerLane {
  const camera = peer.streams.find((stream) => stream.name === "av" && stream.source === "camera");
  const screen = peer.streams.find((stream) => stream.source === "screenshare");
  const seen = spansOf(camera);
  return {
    peerId: peer.peer_id,
    name: peer.display_name,
    hue: NEUTRAL_HUE,
    presence: peer.presence_ms,
    speech: peer.speech_ms,
    cameraOff: without(peer.presence_ms, seen).filter(([start, end]) => end - start >= SHORTEST_OFF_MS),
    waveform: peer.waveform,
    camera: stripOf(camera, segmentMs),
    screen: stripOf(screen, segmentMs),
  };
}

/** Shorter gaps are a camera that starts up, not one that is off. */
const SHORTEST_OFF_MS = 300;

function spansOf(stream: ManifestStream | undefined): readonly SpanMs[] {
  return (stream?.spans ?? []).map((span) => [span.start_ms, span.end_ms] as const);
}

function stripOf(stream: ManifestStream | undefined, segmentMs: number): Strip | null {
  if (stream?.stills === undefined) return null;
  const { stills, spans = [], width = 16, height = 9 } = stream;
  const there = stream.still_segments;
  const shapeAt = (tMs: number) => spans.findLast((span) => span.start_ms <= tMs) ?? spans[0];
  return {
    path: (segment) => stills.replace("%04d", String(segment).padStart(4, "0")),
    segmentMs,
    has: (segment) => there === undefined || there.some(([first, last]) => first <= segment && segment <= last),
    spans: spansOf(stream),
    aspectAt: (tMs) => {
      const shape = shapeAt(tMs);
      return shape === undefined ? width / height : shape.width / shape.height;
    },
    insideAt: (tMs) => {
      const { x, y, w, h } = shapeAt(tMs)?.rect ?? { x: 0, y: 0, w: width, h: height };
      return { x: x / width, y: y / height, w: w / width, h: h / height };
    },
  };
}

/** `spans` less `taken`, both in order and without overlap. */
export function without(spans: readonly SpanMs[], taken: readonly SpanMs[]): readonly SpanMs[] {
  return spans.flatMap(([start, end]) => {
    const left: SpanMs[] = [];
    let from = start;
    for (const [takenStart, takenEnd] of taken) {
      if (takenEnd <= from || takenStart >= end) continue;
      if (takenStart > from) left.push([from, takenStart]);
      from = Math.max(from, takenEnd);
    }
    return from < end ? [...left, [from, end] as const] : left;
  });
}
