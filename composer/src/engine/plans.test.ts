import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ApiError, Unreachable } from "../api/errors";
import type { PlanWindow } from "../api/client";
import { EMPTY } from "../composition/defaults";
import { setLayout, trim } from "../composition/edits";
import type { CompositionState } from "../composition/types";
import type { Plan } from "../plan/types";
import { plan, scene } from "../shared/fixtures";
import { PlanKeeper } from "./plans";

const HOUR_MS = 3_600_000;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

interface Asked {
  readonly state: CompositionState;
  readonly window: PlanWindow | undefined;
  readonly answer: (made: Plan | Error) => Promise<void>;
}

function keeper() {
  const asked: Asked[] = [];
  const keeps = new PlanKeeper(
    (state, window) =>
      new Promise((resolve, reject) => {
        const answer = async (made: Plan | Error) => {
          if (made instanceof Error) reject(made);
          else resolve(made);
          await vi.advanceTimersByTimeAsync(0);
        };
        asked.push({ state, window, answer });
      }),
  );
  return { keeps, asked };
}

const made = (endMs: number) => plan([scene(0, endMs, [])]);
const layouts = (asked: readonly Asked[]) =>
  asked.map(({ state }) => state.timeline.map((e) => (e.type === "layout" ? e.layout : "")).join());

describe("the plan of the newest state", () => {
  it("is asked for one at a time; what was edited in between is skipped", async () => {
    const { keeps, asked } = keeper();
    keeps.setState(EMPTY);
    for (const layout of ["pip", "split", "speaker"] as const) keeps.setState(setLayout(EMPTY, 0, layout));
    await asked[0]?.answer(made(1000));
    await asked[1]?.answer(made(2000));
    expect(layouts(asked)).toEqual(["", "speaker"]);
    expect(keeps.reading.get()).toMatchObject({ plan: { end_ms: 2000 }, fetching: false, error: null });
  });

  it("is on its way until it is there, whatever answers to older states come before it", async () => {
    const { keeps, asked } = keeper();
    keeps.setState(EMPTY);
    keeps.setState(setLayout(EMPTY, 0, "pip"));
    const seen: boolean[] = [];
    keeps.reading.subscribe(() => seen.push(keeps.reading.get().fetching));
    await asked[0]?.answer(made(1000));
    keeps.setState(setLayout(EMPTY, 0, "split"));
    await asked[1]?.answer(new ApiError(422, "composition-invalid", "no"));
    expect(seen).not.toContain(false);
    await asked[2]?.answer(made(2000));
    expect(seen.at(-1)).toBe(false);
  });

  it("is of the whole recording, whatever is exported of it", () => {
    const { keeps, asked } = keeper();
    keeps.setState(trim(EMPTY, 500, 900));
    expect(asked[0]?.state.export).toEqual({ start_ms: 0, end_ms: null });
    expect(asked[0]?.window).toBeUndefined();
  });

  it("leaves the last one in place while the state cannot be planned", async () => {
    const { keeps, asked } = keeper();
    keeps.setState(EMPTY);
    await asked[0]?.answer(made(1000));
    keeps.setState(setLayout(EMPTY, 0, "pip"));
    const refused = new ApiError(422, "composition-invalid", "no");
    await asked[1]?.answer(refused);
    expect(keeps.reading.get()).toMatchObject({ plan: { end_ms: 1000 }, error: refused });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(2);
  });

  it("is asked for again where the server could not be reached", async () => {
    const { keeps, asked } = keeper();
    keeps.setState(EMPTY);
    await asked[0]?.answer(new Unreachable(new TypeError()));
    expect(keeps.reading.get().error).toBeInstanceOf(Unreachable);
    await vi.advanceTimersByTimeAsync(2_000);
    await asked[1]?.answer(made(1000));
    expect(keeps.reading.get()).toMatchObject({ plan: { end_ms: 1000 }, error: null });
  });
});

describe("a plan that could not be had", () => {
  it("is not asked for sooner because somebody edits meanwhile", async () => {
    const { keeps, asked } = keeper();
    keeps.setState(EMPTY);
    await asked[0]?.answer(new ApiError(429, "too-many", "no", [], null, 10));
    keeps.setState(setLayout(EMPTY, 0, "pip"));
    await vi.advanceTimersByTimeAsync(9_000);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(layouts(asked)).toEqual(["", "pip"]);
  });

  it("is asked for again when one says so, and is missed until it is there", async () => {
    const { keeps, asked } = keeper();
    keeps.setState(EMPTY);
    const expired = new ApiError(401, "token-rejected", "no");
    await asked[0]?.answer(expired);
    keeps.again();
    expect(keeps.reading.get()).toMatchObject({ fetching: true, error: expired });
    await asked[1]?.answer(made(1000));
    expect(keeps.reading.get()).toMatchObject({ plan: { end_ms: 1000 }, error: null });
  });
});

describe("the plan of a long recording", () => {
  async function long() {
    const kept = keeper();
    kept.keeps.setDuration(2 * HOUR_MS);
    kept.keeps.setState(EMPTY);
    await kept.asked[0]?.answer(made(240_000));
    return kept;
  }

  it("is asked for around the playhead, and again when that gets near the edge", async () => {
    const { keeps, asked } = await long();
    keeps.lookAt(200_000);
    expect(asked.map(({ window }) => window)).toEqual([{ fromMs: 0, toMs: 240_000 }]);
    keeps.lookAt(215_000);
    expect(asked[1]?.window).toEqual({ fromMs: 150_000, toMs: 390_000 });
    await asked[1]?.answer(made(390_000));
    keeps.lookAt(160_000);
    expect(asked[2]?.window).toEqual({ fromMs: 90_000, toMs: 330_000 });
  });

  it("is not asked for at every move of the playhead while the server cannot be reached", async () => {
    const { keeps, asked } = await long();
    keeps.lookAt(215_000);
    await asked[1]?.answer(new Unreachable(new TypeError()));
    for (let t = 215_000; t < 216_000; t += 100) keeps.lookAt(t);
    expect(asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(asked).toHaveLength(3);
  });

  it.each([0, 29_999, 30_000, 119_999, HOUR_MS, 2 * HOUR_MS - 1, 2 * HOUR_MS])(
    "covers %d ms, with room on both sides where there is any",
    async (t) => {
      const { keeps, asked } = await long();
      keeps.lookAt(t);
      const { fromMs, toMs } = asked.at(-1)?.window ?? { fromMs: NaN, toMs: NaN };
      expect(fromMs === 0 || t - fromMs >= 30_000).toBe(true);
      expect(toMs === 2 * HOUR_MS || toMs - t > 30_000).toBe(true);
    },
  );

  it("ends where the recording ends", async () => {
    const { keeps } = await long();
    expect(keeps.endMs).toBe(2 * HOUR_MS);
  });
});
