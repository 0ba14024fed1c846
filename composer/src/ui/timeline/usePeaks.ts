import { useEffect, useState } from "react";

import { useComposer, useReadable } from "../context";
import type { PeerLane } from "./lanes";
import { peaksOf, type Peaks } from "./peaks";

/** The waveforms of all peers, by peer id, as they come in. */
export function usePeaks(lanes: readonly PeerLane[]): ReadonlyMap<string, Peaks> {
  const { engine } = useComposer();
  const manifest = useReadable(engine.manifest);
  const [peaks, setPeaks] = useState<ReadonlyMap<string, Peaks>>(new Map());
  const wanted = lanes.map((lane) => `${lane.peerId}\t${lane.waveform ?? ""}`).join("\n");
  useEffect(() => {
    if (manifest === null) return;
    const abort = new AbortController();
    const load = async () => {
      for (const line of wanted.split("\n")) {
        const [peerId = "", path = ""] = line.split("\t");
        const url = path === "" ? null : engine.previewUrl(path);
        if (url === null) continue;
        const found = await engine.api.waveform(url, abort.signal).then(peaksOf, () => null);
        if (abort.signal.aborted) return;
        if (found !== null) setPeaks((known) => new Map(known).set(peerId, found));
      }
    };
    void load();
    return () => abort.abort();
  }, [engine, manifest, wanted]);
  return peaks;
}
