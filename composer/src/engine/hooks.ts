/**
 * `window.__composer`: what a test in a real browser, or a curious person at the console, may ask of the composer.
 *
 *     await __composer.settled()      // it stands, and every tile shows the picture of its time
 *     __composer.tiles()              // [{tile_id, kind, rect, …}] in drawing order, pixels of the plan's canvas
 *     __composer.streams()            // [{id, rendition, state, driftMs, frames, dropped, …}], read now
 *     await __composer.snapshot()     // the stage at the plan's own resolution: a PNG as a data: URL
 */

import type { CompositionState } from "../composition/types";
import type { Tile } from "../plan/types";
import type { StreamReport } from "../playback/types";
import type { Playback } from "../playback/transport";
import type { Stage } from "../stage/stage";
import type { ComposerEngine } from "./types";

export interface ComposerHooks {
  timeMs(): number;
  endMs(): number;
  seek(timeMs: number): void;
  play(): Promise<void>;
  pause(): void;
  /** Whether it plays, and does not wait for anything. */
  isRunning(): boolean;
  setQuality(quality: "auto" | "full"): void;
  settled(): Promise<void>;
  tiles(): readonly Tile[];
  streams(): readonly StreamReport[];
  snapshot(): Promise<string>;
  state(): CompositionState;
  /** How long painting took, in ms, for the last frames painted (at most 600), and how many were painted in all. */
  paints(): { readonly count: number; readonly lastMs: readonly number[] };
}

declare global {
  var __composer: ComposerHooks | undefined;
}

interface Hooked extends ComposerEngine {
  readonly transport: Playback;
  readonly stage: Stage;
}

/** Installs the hooks; the function returned takes them away again. */
export function installHooks(engine: Hooked): () => void {
  const { transport, stage } = engine;
  const hooks: ComposerHooks = {
    timeMs: () => transport.timeMs(),
    endMs: () => transport.state.get().endMs,
    seek: (timeMs) => transport.seek(timeMs),
    play: () => transport.play(),
    pause: () => transport.pause(),
    isRunning: () => transport.isRunning,
    setQuality: (quality) => transport.setQuality(quality),
    settled: () => stage.settled(),
    tiles: () => stage.tiles(),
    streams: () => transport.reports(),
    snapshot: async () => dataUrl(await stage.snapshot()),
    state: () => engine.document.state.get(),
    paints: () => stage.paints,
  };
  globalThis.__composer = hooks;
  return () => {
    if (globalThis.__composer === hooks) globalThis.__composer = undefined;
  };
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error ?? new Error("the picture cannot be read"));
    reader.readAsDataURL(blob);
  });
}
