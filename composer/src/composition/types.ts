/**
 * The Composition State: what the page saves and the export renders (compositing/state.py is the schema).
 *
 * `timeline` is in order of `t`; ties count in list order. Times are milliseconds of recording time. Absent fields
 * have the server's defaults (`defaults.ts`).
 */

export type LayoutName = "grid" | "speaker" | "spotlight" | "sidebar" | "pip" | "split" | "free";
export type Source = "camera" | "screenshare";
export type FitName = "cover" | "contain" | "fill" | "auto";

/** Fractions of the frame, wholly inside it. */
export interface NormRect {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export interface LayoutEvent {
  readonly t: number;
  readonly type: "layout";
  readonly layout: LayoutName;
}

export interface PinEvent {
  readonly t: number;
  readonly type: "pin";
  readonly peer_id: string;
  readonly source?: Source;
}

export interface UnpinEvent {
  readonly t: number;
  readonly type: "unpin";
}

export interface PlaceEvent {
  readonly t: number;
  readonly type: "place";
  readonly peer_id: string;
  readonly source?: Source;
  readonly rect: NormRect;
  readonly z?: number;
  readonly fit?: FitName | null;
  readonly crop?: NormRect | null;
}

export interface UnplaceEvent {
  readonly t: number;
  readonly type: "unplace";
  readonly peer_id: string;
  readonly source?: Source;
}

export type PeerAction = "hide" | "show" | "mute" | "unmute";

export interface PeerEvent {
  readonly t: number;
  readonly type: PeerAction;
  readonly peer_id: string;
}

export interface TextEvent {
  readonly t: number;
  readonly type: "text";
  readonly text: string;
  readonly rect: NormRect;
  readonly duration_ms: number;
}

export type TimelineEvent = LayoutEvent | PinEvent | UnpinEvent | PlaceEvent | UnplaceEvent | PeerEvent | TextEvent;

/** What holds for one peer from the start. */
export interface TrackState {
  readonly peer_id: string;
  readonly muted?: boolean;
  readonly volume_db?: number;
  readonly hidden?: boolean;
  readonly label?: string | null;
  readonly nudge_ms?: number;
}

export interface ImageState {
  readonly asset: string;
  readonly rect: NormRect;
  readonly opacity?: number;
}

export interface StyleState {
  readonly background?: string;
  readonly gap?: number;
  readonly corner_radius?: number;
  readonly labels?: boolean;
  readonly highlight_speaker?: boolean;
  readonly fit?: FitName;
  readonly screenshare_fit?: FitName;
  readonly screenshare?: "stage" | "tile" | "off";
  readonly transition_ms?: number;
  readonly max_tiles?: number;
  readonly image?: ImageState | null;
}

export interface ExportState {
  /** `WIDTHxHEIGHT`, each side even, 16 to 4096. */
  readonly resolution?: string;
  readonly fps?: number;
  readonly start_ms?: number | null;
  readonly end_ms?: number | null;
  readonly loudness?: number | null;
}

export interface CompositionState {
  readonly version: 1;
  readonly recording_id?: string | null;
  readonly room_id?: string | null;
  readonly layout: LayoutName;
  readonly timeline: readonly TimelineEvent[];
  readonly tracks: readonly TrackState[];
  readonly style: StyleState;
  readonly export: ExportState;
}
