import { expect, it, vi } from "vitest";

import { SignedLinks } from "../api/links";
import { plan, scene, tile } from "../shared/fixtures";
import { Playback } from "./transport";
import type { StreamSource } from "./types";

const rendition = { playlist: "av.m3u8", size: null, codecs: null, fps: 30, shapes: [], stills: null };
const ADA: StreamSource = {
  id: "ada/camera",
  peerId: "ada",
  hasSound: true,
  full: rendition,
  low: null,
  segmentMs: 4_000,
};

it("playback that was closed attaches nothing any more, whatever was under way", async () => {
  const onPicture = vi.fn();
  const links = new SignedLinks(() => Promise.reject(new Error("closed")));
  const playback = new Playback({ links, host: {} as HTMLElement, onPicture });
  playback.close();
  playback.setSources(new Map([[ADA.id, ADA]]));
  playback.setPlan(plan([scene(0, 10_000, [tile("ada")])]), 10_000);
  playback.seek(5_000);
  await playback.play();
  expect(playback.reports()).toEqual([]);
  expect(playback.state.get().playing).toBe(false);
  expect(onPicture).not.toHaveBeenCalled();
});
