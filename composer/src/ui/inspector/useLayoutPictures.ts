/**
 * What each layout would make of this moment, for the palette: the server's own plans of it, one for each layout.
 *
 * Asked for when the playhead rests, in turn, and kept while neither the state nor the scene changes.
 */

import { useEffect, useState } from "react";

import { exportOf } from "../../composition/defaults";
import { setLayout, untrimmed } from "../../composition/edits";
import type { CompositionState, LayoutName } from "../../composition/types";
import { sceneIndexAt } from "../../plan/at";
import type { Scene, Size } from "../../plan/types";
import { LAYOUTS } from "../actions";
import { useComposer, useCompositionState, useFrameMs, useReadable } from "../context";

const REST_MS = 350;

export interface LayoutPicture {
  readonly scene: Scene;
  readonly canvas: Size;
}

export type LayoutPictures = ReadonlyMap<LayoutName, LayoutPicture>;

export function useLayoutPictures(): LayoutPictures {
  const { engine } = useComposer();
  const state = useCompositionState();
  const { plan, fetching } = useReadable(engine.plan);
  const { playing } = useReadable(engine.transport.state);
  const frameMs = useFrameMs();
  const sceneMs = plan === null ? 0 : (plan.scenes[sceneIndexAt(plan, frameMs)]?.start_ms ?? 0);
  const [pictures, setPictures] = useState<LayoutPictures>(new Map());
  useEffect(() => {
    if (playing || fetching) return;
    const abort = new AbortController();
    const ask = async () => {
      for (const layout of LAYOUTS) {
        const picture = await pictureOf(engine.api.plan.bind(engine.api), state, layout, sceneMs, abort.signal);
        if (abort.signal.aborted) return;
        if (picture !== null) setPictures((known) => new Map(known).set(layout, picture));
      }
    };
    const timer = setTimeout(() => void ask().catch(() => undefined), REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [engine, state, sceneMs, playing, fetching]);
  return pictures;
}

type FetchPlan = (
  state: CompositionState,
  window: { fromMs: number; toMs: number },
  signal: AbortSignal,
) => Promise<{ scenes: readonly Scene[]; canvas: Size }>;

/** The scene that a layout makes at `tMs`, if it began just there, without a transition. */
async function pictureOf(
  fetchPlan: FetchPlan,
  state: CompositionState,
  layout: LayoutName,
  tMs: number,
  signal: AbortSignal,
): Promise<LayoutPicture | null> {
  const from = Math.floor(tMs);
  const frameMs = Math.ceil(1000 / exportOf(state).fps);
  const asked = untrimmed(setLayout(state, from, layout));
  const { scenes, canvas } = await fetchPlan(asked, { fromMs: from, toMs: from + 2 * frameMs }, signal);
  const scene = scenes.at(-1);
  return scene === undefined ? null : { scene, canvas };
}
