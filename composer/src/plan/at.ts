/**
 * The plan at one instant: which tiles, on what, who speaks, who is heard how loud. Pure.
 *
 * The export asks at the instants of its frames, so a page that shall show the same asks at `frameTimeMs`.
 */

import { lastStarted, spanAt } from "./spans";
import { tilesOf } from "./transition";
import type { Plan, Scene, Tile } from "./types";

export interface Moment {
  readonly scene: Scene;
  /** In drawing order, transitions interpolated. */
  readonly tiles: readonly Tile[];
  /** Peers who speak now. */
  readonly speaking: ReadonlySet<string>;
}

/** When the frame stands that is on screen at `tMs`. */
export function frameTimeMs(tMs: number, fps: number): number {
  return (frameNumber(tMs, fps) * 1000) / fps;
}

/** The number of the frame that is on screen at `tMs`. A time that came from a frame number gives it back. */
export function frameNumber(tMs: number, fps: number): number {
  return Math.floor((tMs * fps) / 1000 + 1e-6);
}

/** When the first frame stands that shows what happens at `tMs`. */
export function firstFrameMs(tMs: number, fps: number): number {
  return (Math.ceil((tMs * fps) / 1000 - 1e-6) * 1000) / fps;
}

/** The whole millisecond at which something has to happen so that the frame on screen at `tMs` is the first to show it. */
export function eventTimeMs(tMs: number, fps: number): number {
  return Math.floor(frameTimeMs(tMs, fps) + 1e-6);
}

/** The same for the frame that is nearest to `tMs`. */
export function nearestEventTimeMs(tMs: number, fps: number): number {
  return eventTimeMs(tMs + 500 / fps, fps);
}

/** The scene that holds `tMs`; the first or last one for times outside the plan. Null for a plan without scenes. */
export function sceneIndexAt(plan: Plan, tMs: number): number {
  return Math.max(
    0,
    lastStarted(plan.scenes, tMs, (scene) => scene.start_ms),
  );
}

export function momentAt(plan: Plan, tMs: number): Moment | null {
  const index = sceneIndexAt(plan, tMs);
  const scene = plan.scenes[index];
  if (scene === undefined) return null;
  const previous = plan.scenes[index - 1] ?? null;
  const tiles = [...tilesOf(scene, previous, tMs)].sort((a, b) => a.z - b.z);
  return { scene, tiles, speaking: speakingAt(plan, tMs) };
}

export function speakingAt(plan: Plan, tMs: number): ReadonlySet<string> {
  return new Set(plan.speech.filter((peer) => spanAt(peer.spans_ms, tMs)).map((peer) => peer.peer_id));
}

/** How many milliseconds later than recorded a peer's media stands. */
export function nudgeMs(plan: Plan, peerId: string): number {
  return plan.nudge_ms.find((nudge) => nudge.peer_id === peerId)?.nudge_ms ?? 0;
}

/** Every tile that is on the canvas at some time in [fromMs, toMs). */
export function tilesDuring(plan: Plan, fromMs: number, toMs: number): readonly Tile[] {
  const found = new Map<string, Tile>();
  for (let i = sceneIndexAt(plan, fromMs); i < plan.scenes.length; i++) {
    const scene = plan.scenes[i];
    if (scene === undefined || scene.start_ms >= toMs) break;
    for (const tile of scene.tiles) if (!found.has(tile.tile_id)) found.set(tile.tile_id, tile);
  }
  return [...found.values()];
}
