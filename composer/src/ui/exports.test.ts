import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { ExportListed, JobStatus, RecordingStatus } from "../api/types";
import { Cell } from "../shared/observable";
import { farm, problem, type Request } from "../shared/farm";
import { ExportDesk } from "./exports";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function listed(id: string, status: JobStatus): ExportListed {
  const url = status === "ready" ? `https://farm.test/${id}.mp4` : null;
  return { export_id: id, status, composition_id: "c", url, thumbnails: [], created_at: "2026-01-01T00:00:00Z" };
}

function recordingWith(...exports: ExportListed[]): RecordingStatus {
  return {
    recording_id: "rec",
    room_id: "room",
    preview_status: "ready",
    export_status: null,
    preview: { peers: {}, screenshare: {}, job_id: null },
    export: { url: null, job_id: null },
    exports,
  };
}

function desk(answer: (request: Request) => Response) {
  const { api, seen } = farm(answer);
  const recording = new Cell<RecordingStatus | null>(null);
  const readStatus = async () => {
    const status = await api.status();
    recording.set(status);
    return status;
  };
  const made = new ExportDesk({ api, recording, readStatus });
  made.begin();
  return { desk: made, recording, seen };
}

const isStatus = ({ path, method }: Request) => path === "" && method === "GET";

describe("an export", () => {
  /** A farm whose job `e` ends at once; `statuses` answer the questions for the recording, the last one for ever. */
  function ending(...statuses: (() => Response)[]) {
    return desk((request) => {
      if (isStatus(request)) return ((statuses.length > 1 ? statuses.shift() : statuses[0]) ?? (() => problem(500)))();
      if (request.path.endsWith("/events"))
        return new Response('data: {"type":"status","job_id":"e","status":"ready"}\n\n');
      return Response.json({ job_id: "e", status: "ready", progress: null, warnings: [] });
    });
  }
  const ready = () => Response.json(recordingWith(listed("e", "ready")));

  it("that was running when the page was opened is taken up by itself, and its film is found", async () => {
    const { desk: exports, recording } = ending(ready);
    recording.set(recordingWith(listed("e", "processing"), listed("d", "ready")));
    await vi.advanceTimersByTimeAsync(100);
    expect(exports.job.reading.get()).toMatchObject({ jobId: "e", status: "ready" });
    expect(recording.get()?.exports[0]?.url).toBe("https://farm.test/e.mp4");
  });

  it("that was put aside is not taken up again", async () => {
    const { desk: exports, recording } = ending(ready);
    recording.set(recordingWith(listed("e", "processing")));
    exports.job.forget();
    recording.set(recordingWith(listed("e", "processing")));
    await vi.advanceTimersByTimeAsync(100);
    expect(exports.job.reading.get()).toBeNull();
  });

  it("has its film found though asking for it fails at first", async () => {
    const { desk: exports, recording } = ending(() => problem(503), ready);
    void exports.follow("e");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(recording.get()?.exports[0]?.url).toBe("https://farm.test/e.mp4");
  });

  it("is the same one when it is asked for again after a lost answer, another one after that", async () => {
    const answers = [() => problem(503), () => Response.json({ job_id: "e", status: "queued" })];
    const { desk: exports, seen } = desk((request) =>
      request.path === "/export"
        ? ((answers.length > 1 ? answers.shift() : answers[0]) ?? (() => problem(500)))()
        : problem(503),
    );
    const ask = (preset: "draft" | "high") => exports.ask({ preset }, { timeline: [] });
    await expect(ask("draft")).rejects.toMatchObject({ status: 503 });
    await ask("draft");
    await ask("draft");
    await ask("high");
    exports.close();
    const keys = seen.filter(({ path }) => path === "/export").map(({ headers }) => headers.get("Idempotency-Key"));
    expect(keys[0]).toBe(keys[1]);
    expect(new Set(keys).size).toBe(3);
  });

  it("has addresses that hold for as long as somebody looks", async () => {
    const { desk: exports, seen } = ending(ready);
    const leave = exports.attend();
    await vi.advanceTimersByTimeAsync(20 * 60_000 + 1);
    expect(seen.filter(isStatus)).toHaveLength(5);
    leave();
    await vi.advanceTimersByTimeAsync(20 * 60_000);
    expect(seen.filter(isStatus)).toHaveLength(5);
  });
});
