/** The streams that a recording's preview has, from the status (addresses) and the manifest (sizes, shapes). Pure. */

import type { ManifestStream, PreviewManifest, RecordingStatus } from "../api/types";
import type { Rendition, StreamId, StreamSource } from "./types";

/** While no manifest tells it. */
const SEGMENT_S = 4;
const FPS = 30;

export function cameraId(peerId: string): StreamId {
  return `${peerId}/camera`;
}

export function screenId(peerId: string): StreamId {
  return `${peerId}/screenshare`;
}

export function sourcesOf(
  status: RecordingStatus,
  manifest: PreviewManifest | null,
): ReadonlyMap<StreamId, StreamSource> {
  const segmentMs = 1000 * (manifest?.segment_seconds ?? SEGMENT_S);
  const cameras = Object.entries(status.preview.peers).map(([peerId, streams]): StreamSource => {
    const told = streamsOf(manifest, peerId);
    return {
      id: cameraId(peerId),
      peerId,
      hasSound: true,
      full: rendition(streams.av, told.get("av")),
      low: streams.low === undefined ? null : rendition(streams.low, told.get("av_low")),
      segmentMs,
    };
  });
  const screens = Object.entries(status.preview.screenshare).map(([peerId, streams]): StreamSource => {
    const full = rendition(streams.video, streamsOf(manifest, peerId).get("video"));
    return { id: screenId(peerId), peerId, hasSound: false, full, low: null, segmentMs };
  });
  return new Map([...cameras, ...screens].map((source) => [source.id, source]));
}

function streamsOf(manifest: PreviewManifest | null, peerId: string): ReadonlyMap<string, ManifestStream> {
  const peer = manifest?.peers.find((known) => known.peer_id === peerId);
  return new Map(peer?.streams.map((stream) => [stream.name, stream]));
}

function rendition(playlist: string, told: ManifestStream | undefined): Rendition {
  const { width, height } = told ?? {};
  return {
    playlist,
    size: width === undefined || height === undefined ? null : { w: width, h: height },
    codecs: told?.codecs ?? null,
    fps: told?.fps ?? FPS,
    shapes: told?.spans ?? [],
    stills: told?.still_segments ?? null,
  };
}
