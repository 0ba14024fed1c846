import { describe, expect, it } from "vitest";

import type { PreviewManifest, RecordingStatus } from "../api/types";
import { plan, scene, tile } from "../shared/fixtures";
import { MediaClock } from "./clock";
import { multivariant } from "./loading";
import { isBlackAt, placedAt, shapeAt } from "./shapes";
import { sourcesOf } from "./sources";
import { HOLD_MS, SEEK_MS, SEEK_UNSEEN_MS, steer } from "./steering";
import { stillUrl } from "./stills";
import type { Rendition, StreamSource } from "./types";
import { AHEAD_MS, wantedAt, type Viewing } from "./wanted";

describe("the clock", () => {
  it("stands, runs, changes its pace, and never jumps by itself", () => {
    let now = 1000;
    const clock = new MediaClock(() => now);
    now += 500;
    expect(clock.timeMs).toBe(0);
    clock.start();
    now += 100;
    clock.setRate(2);
    now += 100;
    expect(clock.timeMs).toBe(300);
    clock.stop();
    now += 999;
    expect([clock.timeMs, clock.runs]).toEqual([300, false]);
    clock.set(5000);
    clock.start();
    now += 10;
    expect(clock.timeMs).toBe(5020);
  });
});

describe("steering", () => {
  const calm = { rate: 1, bending: false, seen: true, hasSound: true };

  it("leaves a player alone that is where it should be", () => {
    expect(steer(0, calm)).toEqual({ kind: "rate", rate: 1 });
    expect(steer(-12, { ...calm, rate: 1.5 })).toEqual({ kind: "rate", rate: 1.5 });
  });

  it("holds back who is ahead and hurries who is behind, a little", () => {
    for (const drift of [HOLD_MS, 100, SEEK_MS]) {
      const [ahead, behind] = [steer(drift, calm), steer(-drift, calm)];
      if (ahead.kind !== "rate" || behind.kind !== "rate") throw new Error("sought");
      expect(ahead.rate).toBeGreaterThanOrEqual(0.92);
      expect(ahead.rate).toBeLessThan(1);
      expect(behind.rate).toBeGreaterThan(1);
      expect(behind.rate).toBeLessThanOrEqual(1.08);
    }
  });

  it("is less gentle with what nobody hears", () => {
    expect(steer(140, { ...calm, hasSound: false })).toEqual({ kind: "rate", rate: 0.8 });
    expect(steer(140, calm)).toEqual({ kind: "rate", rate: 0.92 });
  });

  it("seeks only when far off, or where nobody sees it", () => {
    expect(steer(SEEK_MS + 1, { ...calm, bending: true }).kind).toBe("seek");
    expect(steer(-SEEK_MS - 1, calm).kind).toBe("seek");
    expect(steer(SEEK_MS + 1, { ...calm, rate: 2 }).kind).toBe("rate");
    expect(steer(SEEK_UNSEEN_MS + 1, calm).kind).toBe("rate");
    expect(steer(SEEK_UNSEEN_MS + 1, { ...calm, seen: false }).kind).toBe("seek");
  });

  it("brings a player back and lets it go, without swinging", () => {
    const paths = [300, -300, 45, -45].map((start) => {
      let [drift, bending] = [start, false];
      const path = [drift];
      for (let tick = 0; tick < 80; tick++) {
        const steering = steer(drift, { ...calm, bending });
        if (steering.kind === "seek") throw new Error("sought");
        bending = steering.rate !== 1;
        drift += (steering.rate - 1) * 100;
        path.push(drift);
      }
      return { path, bending };
    });
    for (const { path, bending } of paths) {
      expect(Math.abs(path.at(-1) ?? Infinity)).toBeLessThan(16);
      expect(bending).toBe(false);
      expect(path.every((drift) => Math.sign(drift) === Math.sign(path[0] ?? 0))).toBe(true);
    }
    expect(Math.abs(paths[0]?.path[40] ?? Infinity)).toBeLessThan(HOLD_MS);
  });
});

function rendition(playlist: string, w: number, h: number, fields: Partial<Rendition> = {}): Rendition {
  return { playlist, size: { w, h }, codecs: "avc1.64001f,mp4a.40.2", fps: 30, shapes: [], stills: null, ...fields };
}

function camera(peer: string, fields: Partial<StreamSource> = {}): StreamSource {
  return {
    id: `${peer}/camera`,
    peerId: peer,
    hasSound: true,
    full: rendition(`/m/${peer}/av.m3u8`, 1280, 720),
    low: rendition(`/m/${peer}/av_low.m3u8`, 640, 360),
    segmentMs: 4000,
    ...fields,
  };
}

describe("where a picture lies in its frame", () => {
  const shapes = [
    { start_ms: 0, end_ms: 10_000, width: 640, height: 360, rect: { x: 0, y: 0, w: 640, h: 360 } },
    { start_ms: 12_000, end_ms: 20_000, width: 360, height: 640, rect: { x: 220, y: 0, w: 202, h: 360 } },
  ];
  const full = rendition("", 640, 360, { shapes });

  it("follows the source as it turns", () => {
    expect(placedAt(full, { w: 640, h: 360 }, 12_000)).toEqual({
      source: { w: 360, h: 640 },
      inFrame: shapes[1]?.rect,
    });
    expect(placedAt(full, { w: 640, h: 360 }, 11_999).source).toEqual({ w: 640, h: 360 });
  });

  it("is told in pixels of the frame that is shown", () => {
    expect(placedAt(full, { w: 320, h: 180 }, 15_000).inFrame).toEqual({ x: 110, y: 0, w: 101, h: 180 });
  });

  it("is all of it where nothing is known", () => {
    const frame = { w: 640, h: 480 };
    expect(placedAt(rendition("", 0, 0), frame, 0)).toEqual({ source: frame, inFrame: { x: 0, y: 0, ...frame } });
  });

  it("is black where the source was off", () => {
    expect([-1, 0, 9_999, 10_000, 12_000].map((t) => isBlackAt(shapes, t))).toEqual([true, false, false, true, false]);
    expect(isBlackAt([], 0)).toBe(false);
  });

  it("is that of the first shape before it", () => expect(shapeAt(shapes, -1)).toBe(shapes[0]));
});

describe("a stream of two renditions", () => {
  it("is one playlist, the low one first, so that levels are known", () => {
    const { full, low } = camera("ada");
    expect(multivariant(full, low).split("\n")).toEqual([
      "#EXTM3U",
      "#EXT-X-VERSION:7",
      "#EXT-X-INDEPENDENT-SEGMENTS",
      '#EXT-X-STREAM-INF:BANDWIDTH=1000000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360',
      "/m/ada/av_low.m3u8",
      '#EXT-X-STREAM-INF:BANDWIDTH=2000000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720',
      "/m/ada/av.m3u8",
      "",
    ]);
  });

  it("needs no manifest", () => {
    const bare = { ...camera("ada").full, size: null, codecs: null };
    expect(multivariant(bare, null)).toContain("#EXT-X-STREAM-INF:BANDWIDTH=1000000\n/m/ada/av.m3u8");
  });

  it("has its stills beside it", () => {
    expect(stillUrl(camera("ada"), 7)).toBe("/m/ada/still_0007.jpg");
  });
});

describe("what plays", () => {
  const large = { x: 0, y: 0, w: 1500, h: 844 };
  const small = { x: 0, y: 860, w: 384, h: 216 };
  const speaker = [tile("ada", { rect: small }), tile("ben", { rect: large })];
  const meeting = plan([scene(0, 10_000, speaker), scene(10_000, 60_000, [tile("cleo", { rect: large })])], {
    audio: [
      { peer_id: "dora", gain_db: 0, spans_ms: [[0, 5000]] },
      { peer_id: "emil", gain_db: 0, spans_ms: [[9000, 60_000]] },
    ],
  });
  const sources = new Map(["ada", "ben", "cleo", "dora", "emil"].map((peer) => [`${peer}/camera`, camera(peer)]));
  const viewing: Viewing = { scale: 2 / 3, quality: "auto", limit: 16 };
  const at = (t: number, fields: Partial<Viewing> = {}) =>
    wantedAt(meeting, t, sources, { ...viewing, ...fields }).map(({ id, rendition: name, isNeeded }) =>
      [id.split("/")[0], name, isNeeded ? "needed" : "soon"].join(" "),
    );

  it("is what is seen, the largest first, then who is heard", () => {
    expect(at(0)).toEqual(["ben full needed", "ada low needed", "dora low needed"]);
  });

  it("is what is seen or heard soon, too", () => {
    expect(at(10_000 - AHEAD_MS + 1)).toContain("cleo full soon");
    expect(at(10_000 - AHEAD_MS - 1)).not.toContain("cleo full soon");
    expect(at(4500)).toContain("emil low soon");
  });

  it("is no more than browsers decode, the most important first", () => {
    expect(at(0, { limit: 2 })).toEqual(["ben full needed", "ada low needed"]);
  });

  it("is sharp where it is seen large, and where that is asked for", () => {
    const one = plan([scene(0, 1000, [tile("ada", { rect: { x: 0, y: 0, w: 640, h: 360 } })])]);
    const shown = (scale: number, quality: "auto" | "full" = "auto") =>
      wantedAt(one, 0, sources, { scale, quality, limit: 9 })[0]?.rendition;
    expect([shown(1), shown(1.6), shown(1, "full")]).toEqual(["low", "full", "full"]);
  });

  it("leaves out avatars and those of whom there is no stream", () => {
    const absent = plan([scene(0, 1000, [tile("ada", { kind: "avatar" }), tile("zoe")])]);
    expect(wantedAt(absent, 0, sources, viewing)).toEqual([]);
  });
});

describe("the streams of a recording", () => {
  const status: RecordingStatus = {
    recording_id: "rec",
    room_id: "room",
    preview_status: "processing",
    export_status: null,
    preview: {
      peers: { ada: { av: "/m/ada/av.m3u8", low: "/m/ada/av_low.m3u8" }, ben: { av: "/m/ben/av.m3u8" } },
      screenshare: { ada: { video: "/s/ada/video.m3u8" } },
      job_id: null,
    },
    export: { url: null, job_id: null },
    exports: [],
  };

  it("are there before the manifest is", () => {
    const sources = sourcesOf(status, null);
    expect([...sources.keys()]).toEqual(["ada/camera", "ben/camera", "ada/screenshare"]);
    expect(sources.get("ben/camera")).toMatchObject({ low: null, hasSound: true, full: { size: null, shapes: [] } });
    expect(sources.get("ada/screenshare")).toMatchObject({ hasSound: false, peerId: "ada" });
  });

  it("have their sizes and shapes from the manifest", () => {
    const shape = { start_ms: 0, end_ms: 9, width: 640, height: 480, rect: { x: 0, y: 0, w: 640, h: 480 } };
    const low = {
      name: "av_low",
      source: "camera",
      width: 320,
      height: 240,
      fps: 15,
      spans: [shape],
      still_segments: [[1, 2]],
    };
    const manifest = { segment_seconds: 2, peers: [{ peer_id: "ada", streams: [low] }] } as unknown as PreviewManifest;
    expect(sourcesOf(status, manifest).get("ada/camera")).toMatchObject({
      segmentMs: 2000,
      low: { size: { w: 320, h: 240 }, fps: 15, shapes: [shape], stills: [[1, 2]] },
    });
  });
});
