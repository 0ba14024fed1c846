/** Plans and tiles for tests. */

import type { Plan, Scene, Tile } from "../plan/types";

export function tile(peer: string, fields: Partial<Tile> = {}): Tile {
  return {
    tile_id: `${peer}/camera`,
    kind: "video",
    rect: { x: 0, y: 0, w: 960, h: 540 },
    peer_id: peer,
    source: "camera",
    crop: null,
    fit: "auto",
    z: 0,
    opacity: 1,
    corner_radius: 0,
    highlight: true,
    label: null,
    image: null,
    text: null,
    colour: null,
    ...fields,
  };
}

export function scene(startMs: number, endMs: number, tiles: readonly Tile[], fields: Partial<Scene> = {}): Scene {
  return {
    start_ms: startMs,
    end_ms: endMs,
    layout: "grid",
    background: "#101418",
    tiles,
    transition: null,
    ...fields,
  };
}

export function plan(scenes: readonly Scene[], fields: Partial<Plan> = {}): Plan {
  return {
    version: 1,
    canvas: { w: 1920, h: 1080 },
    fps: 30,
    start_ms: scenes[0]?.start_ms ?? 0,
    end_ms: scenes.at(-1)?.end_ms ?? 0,
    scenes,
    speech: [],
    audio: [],
    nudge_ms: [],
    ...fields,
  };
}
