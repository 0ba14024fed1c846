import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { farm, problem, type Request } from "../shared/farm";
import { isRunning, JobWatch } from "./jobs";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const READY = 'id: 1\ndata: {"type":"status","job_id":"j","status":"ready","reason":null,"message":null}\n\n';
const job = (status: string) => Response.json({ job_id: "j", status, progress: null, warnings: ["of the source"] });
const isEvents = ({ path }: Request) => path.endsWith("/events");

async function followed(answer: (request: Request) => Response) {
  const { api, seen } = farm(answer);
  const watch = new JobWatch(api);
  const done = watch.follow("j");
  await vi.advanceTimersByTimeAsync(60_000);
  await done;
  return { watch, seen };
}

describe("a job that is followed", () => {
  it("has ended as its events say, though no look at it succeeds", async () => {
    const { watch } = await followed((request) => (isEvents(request) ? new Response(READY) : problem(503)));
    expect(watch.reading.get()).toMatchObject({ status: "ready", reason: null, lost: null });
  });

  it("is looked at again after its end until that succeeds", async () => {
    let looks = 0;
    const { watch } = await followed((request) => {
      if (isEvents(request)) return new Response(READY);
      return ++looks < 3 ? problem(503) : job("ready");
    });
    expect(watch.reading.get()).toMatchObject({ status: "ready", warnings: ["of the source"] });
  });

  it("is lost out of sight, not failed, where the server refuses; one may look again", async () => {
    let isRefused = true;
    const { watch } = await followed((request) => {
      if (isRefused) return isEvents(request) ? problem(401) : job("processing");
      return isEvents(request) ? new Response(READY) : job("ready");
    });
    expect(watch.reading.get()).toMatchObject({ status: "processing", lost: { status: 401 } });
    expect(isRunning(watch.reading.get())).toBe(false);
    isRefused = false;
    await watch.follow("j");
    expect(watch.reading.get()).toMatchObject({ status: "ready", lost: null });
  });
});
