import { describe, expect, it } from "vitest";

import { ApiError, Unreachable } from "../../api/errors";
import type { StreamReport } from "../../playback/types";
import { missingPeers, troubleOf } from "./trouble";

const expired = new ApiError(401, "token-rejected", "no");
const offline = new Unreachable(new TypeError());
const well = { plan: null, access: null, missing: [] };

describe("what keeps the stage from showing what it should", () => {
  it("is nothing where all is well", () => {
    expect(troubleOf(well)).toBeNull();
  });

  it("is access that has expired, whether the plan or addresses tell", () => {
    expect(troubleOf({ ...well, plan: expired })?.title).toMatch(/expired/);
    expect(troubleOf({ ...well, access: expired })?.title).toMatch(/expired/);
  });

  it("is a state that cannot be planned, with the place of what is wrong", () => {
    const fields = [{ pointer: "/timeline/0/peer_id", detail: "is nobody here" }];
    const refused = new ApiError(422, "composition-invalid", "the state cannot be used", fields);
    expect(troubleOf({ ...well, plan: refused })?.remedy).toBe("/timeline/0/peer_id: is nobody here");
  });

  it("is a server that is away only once pictures are missing", () => {
    expect(troubleOf({ ...well, access: offline })).toBeNull();
    expect(troubleOf({ ...well, access: offline, missing: ["Ada"] })?.title).toMatch(/cannot be reached/);
  });

  it("is streams that have failed, by the names of their peers", () => {
    const report = (id: string, state: StreamReport["state"], seen: boolean): StreamReport => {
      return { id, state, seen, rendition: "full", driftMs: null, bufferedMs: 0, frames: 0, dropped: 0, error: null };
    };
    const streams = [
      report("a/b/camera", "failed", true),
      report("a/b/screenshare", "failed", true),
      report("c/camera", "failed", false),
      report("d/camera", "ready", true),
    ];
    expect(missingPeers(streams)).toEqual(["a/b"]);
    expect(troubleOf({ ...well, missing: ["Ada"] })?.title).toContain("Ada");
  });
});
