/** What all components of one composer share, and the hooks by which they follow it. */

import { createContext, use, useMemo, useSyncExternalStore } from "react";

import type { CompositionState } from "../composition/types";
import type { ComposerEngine } from "../engine/types";
import { frameTimeMs, momentAt, type Moment } from "../plan/at";
import { namesOf } from "../plan/names";
import type { Readable } from "../shared/observable";
import type { Actions } from "./actions";
import type { ExportDesk } from "./exports";
import type { PreviewDesk } from "./previews";
import type { Session } from "./session";

export interface Composer {
  readonly engine: ComposerEngine;
  readonly session: Session;
  readonly actions: Actions;
  readonly previews: PreviewDesk;
  readonly exporting: ExportDesk;
}

export const ComposerContext = createContext<Composer | null>(null);

export function useComposer(): Composer {
  const composer = use(ComposerContext);
  if (composer === null) throw new Error("only inside of <RecordingComposer>");
  return composer;
}

/** The value now, and again after each change. */
export function useReadable<T>(readable: Readable<T>): T {
  return useSyncExternalStore(readable.subscribe, readable.get);
}

export function useCompositionState(): CompositionState {
  return useReadable(useComposer().engine.document.state);
}

/** The whole recording's length; 0 while nobody knows. */
export function useDurationMs(): number {
  const { engine } = useComposer();
  const manifest = useReadable(engine.manifest);
  const { endMs } = useReadable(engine.transport.state);
  return manifest?.duration_ms ?? endMs;
}

/** The frame's time that is on, some ten times a second while it plays. */
export function useFrameMs(): number {
  const { engine } = useComposer();
  const { timeMs } = useReadable(engine.transport.state);
  const { plan } = useReadable(engine.plan);
  return frameTimeMs(timeMs, plan?.fps ?? 30);
}

/** Tiles and speakers of the frame that is on. */
export function useMoment(): Moment | null {
  const { plan } = useReadable(useComposer().engine.plan);
  const frameMs = useFrameMs();
  return useMemo(() => (plan === null ? null : momentAt(plan, frameMs)), [plan, frameMs]);
}

/** What to call a peer: the label given here, else the meeting's own name; before that is known, the plan's. */
export function useNameOf(): (peerId: string) => string {
  const { engine } = useComposer();
  const manifest = useReadable(engine.manifest);
  const { plan } = useReadable(engine.plan);
  const { tracks } = useCompositionState();
  const planned = manifest === null ? plan : null;
  return useMemo(() => {
    const own =
      planned === null ? new Map(manifest?.peers.map((peer) => [peer.peer_id, peer.display_name])) : namesOf(planned);
    const given = new Map(tracks.map((track) => [track.peer_id, track.label]));
    return (peerId) => given.get(peerId) ?? own.get(peerId) ?? peerId;
  }, [manifest, planned, tracks]);
}
