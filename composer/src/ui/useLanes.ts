import { useEffect, useMemo, useState } from "react";

import { useComposer, useReadable } from "./context";
import { peerHues } from "./hues";
import { lanesOf, lanesOfPlan, type PeerLane } from "./timeline/lanes";

/** A lane for each peer, in the meeting's own order. */
export function useLanes(): readonly PeerLane[] {
  const { engine } = useComposer();
  const manifest = useReadable(engine.manifest);
  const { plan } = useReadable(engine.plan);
  const fromPlan = manifest === null ? plan : null;
  const lanes = useMemo(() => {
    if (manifest !== null) return lanesOf(manifest);
    return fromPlan === null ? [] : lanesOfPlan(fromPlan);
  }, [manifest, fromPlan]);
  const hues = useHues(lanes);
  return useMemo(() => lanes.map((lane) => ({ ...lane, hue: hues.get(lane.peerId) ?? lane.hue })), [lanes, hues]);
}

function useHues(lanes: readonly PeerLane[]): ReadonlyMap<string, number> {
  const [hues, setHues] = useState<ReadonlyMap<string, number>>(new Map());
  const ids = lanes.map((lane) => lane.peerId).join("\n");
  useEffect(() => {
    let isCurrent = true;
    void peerHues(ids.split("\n")).then((found) => {
      if (isCurrent) setHues(found);
    });
    return () => {
      isCurrent = false;
    };
  }, [ids]);
  return hues;
}
