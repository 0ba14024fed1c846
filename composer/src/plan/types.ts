/**
 * The plan: what is where on the canvas at any time, as the server resolved it (compositing/scene.py, plan_json.py).
 *
 * The page computes no layout: it draws this. Rectangles are absolute, in whole even pixels of `canvas`; times are
 * milliseconds of recording time; spans are half-open.
 */

export type Fit = "cover" | "contain" | "fill" | "auto";
export type SourceKind = "camera" | "screenshare";
export type TileKind = "video" | "avatar" | "text" | "image";
export type Easing = "linear" | "smoothstep";

export interface Size {
  readonly w: number;
  readonly h: number;
}

export interface Rect extends Size {
  readonly x: number;
  readonly y: number;
}

/** [start_ms, end_ms). */
export type SpanMs = readonly [number, number];

export interface Label {
  readonly text: string;
  /** On the canvas, absolute. */
  readonly rect: Rect;
  /** Key of the raster: GET /recordings/{id}/labels/{key}.png. */
  readonly image: string;
}

export interface Tile {
  /** Stable over scenes: `{peer_id}/camera`, `{peer_id}/screenshare`, `text/{n}`, `image/{n}`. */
  readonly tile_id: string;
  readonly kind: TileKind;
  readonly rect: Rect;
  readonly peer_id: string | null;
  readonly source: SourceKind | null;
  /** Fractions of the source. */
  readonly crop: Rect | null;
  readonly fit: Fit;
  readonly z: number;
  readonly opacity: number;
  readonly corner_radius: number;
  /** Whether a frame is drawn around this tile while its peer speaks. */
  readonly highlight: boolean;
  readonly label: Label | null;
  /** Key of the raster that fills an avatar, text or image tile. */
  readonly image: string | null;
  readonly text: string | null;
  readonly colour: string | null;
}

export interface Transition {
  readonly duration_ms: number;
  readonly easing: Easing;
  /** How long it has run when the scene begins; absent: 0. */
  readonly elapsed_ms?: number;
  /** What it sets out from; absent: the tiles of the scene before. */
  readonly origin?: readonly Tile[];
}

export interface Scene {
  readonly start_ms: number;
  readonly end_ms: number;
  readonly layout: string;
  readonly background: string;
  readonly tiles: readonly Tile[];
  /** null is a cut. */
  readonly transition: Transition | null;
}

export interface PeerSpeech {
  readonly peer_id: string;
  readonly spans_ms: readonly SpanMs[];
}

export interface PeerAudio {
  readonly peer_id: string;
  readonly gain_db: number;
  readonly spans_ms: readonly SpanMs[];
}

export interface PeerNudge {
  readonly peer_id: string;
  /** By how much the peer's media is shifted later. */
  readonly nudge_ms: number;
}

export interface Plan {
  readonly version: 1;
  readonly canvas: Size;
  readonly fps: number;
  readonly start_ms: number;
  readonly end_ms: number;
  readonly scenes: readonly Scene[];
  readonly speech: readonly PeerSpeech[];
  readonly audio: readonly PeerAudio[];
  readonly nudge_ms: readonly PeerNudge[];
}
