import { describe, expect, it, vi } from "vitest";

import { parseLink, SignedLinks } from "./links";
import type { RecordingStatus } from "./types";

const MAC = "m".repeat(43);
const FOLDER = "rooms/r/rec/preview/peers/p%2525x";

function status(expiresS: number): RecordingStatus {
  const link = (kind: "o" | "f", path: string) => `https://farm.test/media/k1.${kind}${expiresS}.${MAC}/${path}`;
  return {
    recording_id: "rec",
    room_id: "r",
    preview_status: "ready",
    export_status: null,
    preview: {
      peers: { "p%x": { av: link("f", `${FOLDER}/av.m3u8`), low: link("f", `${FOLDER}/av_low.m3u8`) } },
      screenshare: {},
      job_id: null,
      manifest: link("o", "rooms/r/rec/preview/manifest.json"),
    },
    export: { url: null, job_id: null },
    exports: [],
  };
}

const START_S = 1_800_000_000;

function links(lifeS: number) {
  let nowS = START_S;
  const renew = vi.fn(() => Promise.resolve(status(nowS + lifeS)));
  const made = new SignedLinks(renew, () => nowS * 1000);
  made.learn(status(nowS + lifeS));
  return { links: made, renew, later: (s: number) => (nowS += s) };
}

const segment = (expiresS: number) => `https://farm.test/media/k1.f${expiresS}.${MAC}/${FOLDER}/av_0007.m4s`;

describe("signed links", () => {
  it("are taken apart", () => {
    expect(parseLink(segment(START_S))).toEqual({
      base: "https://farm.test/media/",
      token: `k1.f${START_S}.${MAC}`,
      path: `${FOLDER}/av_0007.m4s`,
      expiresMs: START_S * 1000,
    });
    expect(parseLink("https://farm.test/recordings/rec")).toBeNull();
  });

  it("of files that a playlist names get the newest token of their folder", async () => {
    const { links: signed, later, renew } = links(600);
    later(520);
    expect(await signed.fresh(segment(START_S + 600))).toBe(segment(START_S + 1120));
    expect(signed.current(segment(START_S + 600))).toBe(segment(START_S + 1120));
    expect(renew).toHaveBeenCalledOnce();
  });

  it("are not renewed while they hold", async () => {
    const { links: signed, later, renew } = links(600);
    later(500);
    expect(await signed.fresh(segment(START_S + 600))).toBe(segment(START_S + 600));
    expect(renew).not.toHaveBeenCalled();
  });

  it("are renewed once for all that ask at a time", async () => {
    const { links: signed, later, renew } = links(600);
    later(590);
    await Promise.all([1, 2, 3].map(() => signed.fresh(segment(START_S + 600))));
    expect(renew).toHaveBeenCalledOnce();
  });

  it("are renewed where the server refused them, whatever the clocks say", async () => {
    const { links: signed, later, renew } = links(600);
    signed.refuse(segment(START_S + 600));
    later(10);
    expect(await signed.fresh(segment(START_S + 600))).toBe(segment(START_S + 610));
    signed.refuse(segment(START_S + 600)); // an older token than the newest: no news
    await signed.fresh(segment(START_S + 600));
    expect(renew).toHaveBeenCalledOnce();
  });

  it("are not asked for again and again where that does not help", async () => {
    const { links: signed, renew, later } = links(30);
    for (let i = 0; i < 10; i++) await signed.fresh(segment(START_S + 30));
    expect(renew).toHaveBeenCalledOnce();
    later(6);
    await signed.fresh(segment(START_S + 30));
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it("go on as they are where they cannot be renewed", async () => {
    const signed = new SignedLinks(
      () => Promise.reject(new TypeError("offline")),
      () => (START_S + 590) * 1000,
    );
    signed.learn(status(START_S + 600));
    expect(await signed.fresh(segment(START_S + 600))).toBe(segment(START_S + 600));
  });

  it("tell why they cannot be renewed, until they can", async () => {
    const refused = new TypeError("expired");
    let nowS = START_S;
    const renew = vi
      .fn()
      .mockRejectedValueOnce(refused)
      .mockImplementation(() => Promise.resolve(status(nowS + 600)));
    const signed = new SignedLinks(renew, () => nowS * 1000);
    signed.learn(status(START_S + 30));
    await signed.fresh(segment(START_S + 30));
    expect(signed.failure.get()).toBe(refused);
    nowS += 10;
    await signed.fresh(segment(START_S + 30));
    expect(signed.failure.get()).toBeNull();
  });

  it("to one object stand for that object alone", () => {
    const { links: signed } = links(600);
    const other = `https://farm.test/media/k1.o1000000000.${MAC}/rooms/r/rec/preview/other.json`;
    expect(signed.current(other)).toBe(other);
    expect(signed.current("blob:https://farm.test/1")).toBe("blob:https://farm.test/1");
  });
});
