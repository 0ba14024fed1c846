import { useEffect, useState } from "react";

import { retried } from "../../api/retry";
import type { Waveform } from "../../api/types";
import { useComposer, useReadable } from "../context";
import type { PeerLane } from "./lanes";
import { peaksOf, type Peaks } from "./peaks";

const TRIES = 4;

/** The waveforms of all peers, by peer id, as they come in. */
export function usePeaks(lanes: readonly PeerLane[]): ReadonlyMap<string, Peaks> {
  const { engine } = useComposer();
  const manifest = useReadable(engine.manifest);
  const [peaks, setPeaks] = useState<ReadonlyMap<string, Peaks>>(new Map());
  const wanted = lanes.map((lane) => `${lane.peerId}\t${lane.waveform ?? ""}`).join("\n");
  useEffect(() => {
    if (manifest === null) return;
    const abort = new AbortController();
    const waveform = async (path: string) => {
      const url = await engine.previewUrl(path);
      return url === null ? null : engine.api.waveform(url, abort.signal);
    };
    const load = async () => {
      for (const line of wanted.split("\n")) {
        const [peerId = "", path = ""] = line.split("\t");
        const found = path === "" ? null : await loaded(() => waveform(path), abort.signal);
        if (abort.signal.aborted) return;
        if (found !== null) setPeaks((known) => new Map(known).set(peerId, found));
      }
    };
    void load();
    return () => abort.abort();
  }, [engine, manifest, wanted]);
  return peaks;
}

/** Null where there is none, or where it cannot be had for a while. */
async function loaded(waveform: () => Promise<Waveform | null>, signal: AbortSignal): Promise<Peaks | null> {
  const found = await retried(waveform, signal, TRIES).catch(() => null);
  return found === null ? null : peaksOf(found);
}
