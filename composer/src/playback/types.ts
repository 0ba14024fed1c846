/** What plays: streams of peers in step with one clock. Times are milliseconds of recording time. */

import type { ShapeSpan } from "../api/types";
import type { Readable } from "../shared/observable";

/** `{peer_id}/camera` or `{peer_id}/screenshare`: the id of the tile that shows it. */
export type StreamId = string;

/** One playlist of a stream. Its sizes and shapes are unknown (null, empty) while no manifest tells them. */
export interface Rendition {
  /** Signed. */
  readonly playlist: string;
  readonly size: { readonly w: number; readonly h: number } | null;
  readonly codecs: string | null;
  readonly fps: number;
  /** When the source has which shape; where none is told, the picture fills the frame. */
  readonly shapes: readonly ShapeSpan[];
  /** Which segments have a still, as runs of first and last number; null while that is not known. */
  readonly stills: readonly (readonly [number, number])[] | null;
}

/** One source of one peer, as the preview has it. */
export interface StreamSource {
  readonly id: StreamId;
  readonly peerId: string;
  readonly hasSound: boolean;
  readonly full: Rendition;
  readonly low: Rendition | null;
  readonly segmentMs: number;
}

export interface PlayState {
  /** Whether the user wants it to play; it may be waiting all the same. */
  readonly playing: boolean;
  /** Playing, but a picture or sound that is needed is not there yet. */
  readonly buffering: boolean;
  readonly rate: number;
  /** Follows the clock some ten times a second, and every seek; `timeMs()` is exact. */
  readonly timeMs: number;
  /** Where playing ends: the end of the plan. */
  readonly endMs: number;
}

/** How one attached stream is doing. */
export interface StreamReport {
  readonly id: StreamId;
  /** The one that is shown now. */
  readonly rendition: "full" | "low";
  /** Whether a tile shows it now; the others are heard, were seen, or will be. */
  readonly seen: boolean;
  readonly state: "loading" | "ready" | "waiting" | "failed";
  /** Media time less the clock's, when it was last steered; null before it first was. */
  readonly driftMs: number | null;
  readonly bufferedMs: number;
  readonly frames: number;
  readonly dropped: number;
  readonly error: string | null;
}

export interface Transport {
  readonly state: Readable<PlayState>;
  readonly streams: Readable<readonly StreamReport[]>;
  /** The exact time now. */
  timeMs(): number;
  play(): Promise<void>;
  pause(): void;
  seek(timeMs: number): void;
  /** Goes on or back by whole frames of the plan, and pauses. */
  step(frames: number): void;
  setRate(rate: number): void;
  setVolume(volume: number): void;
  /** `full`: every visible tile gets its full rendition. */
  setQuality(quality: "auto" | "full"): void;
}
