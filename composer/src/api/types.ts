/** What goes over the wire (scheduler_api/schemas.py, status.py, farm/preview_manifest.py). */

import type { Rect, SourceKind, SpanMs } from "../plan/types";

/** `user`: the user token that the API's readers ask for; the others are single-use composition tokens. */
export type TokenAction = "user" | "preview:read" | "composition:write" | "export:create";

/** Gives a token for one request; asked anew for every request, so that it may expire or be used up in between. */
export type GetToken = (action: TokenAction) => Promise<string>;

export type JobStatus = "queued" | "processing" | "ready" | "failed";
export type Preset = "draft" | "standard" | "high";
export type ExportFormat = "mp4" | "m4a";

/** Signed playlist addresses. `low` and `audio` where they exist. */
export interface PeerStreams {
  readonly av: string;
  readonly low?: string;
  readonly audio?: string;
}

export interface ScreenStreams {
  readonly video: string;
}

export interface ExportListed {
  readonly export_id: string;
  readonly status: JobStatus;
  readonly composition_id: string;
  readonly url: string | null;
  readonly thumbnails: readonly string[];
  readonly created_at: string;
}

export interface RecordingStatus {
  readonly recording_id: string;
  readonly room_id: string;
  readonly preview_status: JobStatus | null;
  readonly export_status: JobStatus | null;
  readonly preview: {
    readonly peers: Readonly<Record<string, PeerStreams>>;
    readonly screenshare: Readonly<Record<string, ScreenStreams>>;
    readonly job_id: string | null;
    /** Signed; absent while the preview is being made. */
    readonly manifest?: string;
  };
  readonly export: { readonly url: string | null; readonly job_id: string | null };
  readonly exports: readonly ExportListed[];
}

/** When a source has which shape, and where its picture lies in the frame of the rendition. */
export interface ShapeSpan {
  readonly start_ms: number;
  readonly end_ms: number;
  readonly width: number;
  readonly height: number;
  readonly rect: Rect;
}

export interface ManifestStream {
  /** `av`, `av_low`, `audio` or `video`. */
  readonly name: string;
  readonly source: SourceKind | "audio";
  readonly playlist: string;
  readonly codecs: string;
  readonly bandwidth: number;
  readonly segments: number;
  readonly tracks: readonly string[];
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
  readonly spans?: readonly ShapeSpan[];
  /** `…/still_%04d.jpg`, one for each segment, from 1. */
  readonly stills?: string;
  /** Which of them exist, as runs [first, last]. */
  readonly still_segments?: readonly (readonly [number, number])[];
}

export interface ManifestPeer {
  readonly peer_id: string;
  readonly display_name: string;
  readonly presence_ms: readonly SpanMs[];
  readonly speech_ms: readonly SpanMs[];
  /** Relative to the preview's folder. */
  readonly waveform: string;
  readonly streams: readonly ManifestStream[];
}

export interface PreviewManifest {
  readonly version: 1;
  readonly recording_id: string;
  readonly room_id: string;
  readonly zero_unix_ms: number;
  readonly duration_ms: number;
  readonly preset: string;
  readonly segment_seconds: number;
  readonly engine: string;
  readonly peers: readonly ManifestPeer[];
  readonly events: readonly { readonly t_ms: number; readonly type: string; readonly data: Record<string, unknown> }[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

/** Version 2 of audiowaveform's JSON: `data` holds min, max, min, max … as 8-bit integers. */
export interface Waveform {
  readonly version: 2;
  readonly channels: 1;
  readonly sample_rate: number;
  readonly samples_per_pixel: number;
  readonly bits: 8;
  readonly length: number;
  readonly data: readonly number[];
}

export interface JobAccepted {
  readonly job_id: string;
  readonly status: JobStatus;
}

export interface JobProgress {
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  /** Of the whole job, 0 to 1. */
  readonly fraction: number;
  readonly eta_s: number | null;
}

export interface Job {
  readonly job_id: string;
  readonly kind: "preview" | "export";
  readonly recording_id: string;
  readonly room_id: string;
  readonly status: JobStatus;
  readonly progress: JobProgress | null;
  readonly reason: string | null;
  readonly message: string | null;
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  readonly created_at: string;
  readonly updated_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

export interface PreviewRequest {
  readonly preset?: Preset | "low";
  readonly segment_seconds?: 2 | 4;
  readonly audio?: boolean;
}

export interface ExportRequest {
  readonly composition_id?: string;
  readonly preset?: Preset;
  readonly format?: ExportFormat;
  readonly range?: { readonly start_ms?: number; readonly end_ms?: number | null };
  readonly thumbnails_every_s?: number;
}

export interface AssetSaved {
  readonly asset: string;
  readonly width: number;
  readonly height: number;
  /** Signed. */
  readonly url: string;
}

/** What an export would cost. */
export interface Forecast {
  readonly chunks: { readonly total: number; readonly cached: number };
  /** What has to be rendered, in recording time. */
  readonly spans_ms: readonly SpanMs[];
  readonly seconds: number;
}
