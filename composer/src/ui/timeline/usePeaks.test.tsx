// @vitest-environment jsdom
import { act } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { ApiError } from "../../api/errors";
import { EMPTY } from "../../composition/defaults";
import { resting, running } from "../fixtures";
import type { PeerLane } from "./lanes";
import { usePeaks } from "./usePeaks";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it("a waveform that fails for a moment comes later, from a newer address", async () => {
  const waveform = { samples_per_pixel: 80, sample_rate: 8_000, data: [-127, 127] };
  const asked: string[] = [];
  const editor = resting(EMPTY);
  Object.assign(editor.engine, {
    previewUrl: (path: string) => Promise.resolve(`${path}?${asked.length}`),
    api: {
      waveform: (url: string) => {
        asked.push(url);
        return asked.length === 1 ? Promise.reject(new ApiError(503, "away", "no")) : Promise.resolve(waveform);
      },
    },
  });
  const lanes = [{ peerId: "ada", waveform: "ada.json" } as PeerLane];
  const { now, close } = running(editor, () => usePeaks(lanes));
  await act(() => vi.advanceTimersByTimeAsync(10));
  expect(now().size).toBe(0);
  await act(() => vi.advanceTimersByTimeAsync(5_000));
  expect(now().get("ada")?.msPerPeak).toBe(10);
  expect(asked).toEqual(["ada.json?0", "ada.json?1"]);
  close();
});
