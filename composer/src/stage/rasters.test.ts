import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Rasters } from "./rasters";

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("createImageBitmap", (blob: unknown) => Promise.resolve({ of: blob, close: () => undefined }));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const come = () => vi.advanceTimersByTimeAsync(0);

describe("the server's rasters", () => {
  it("are fetched once, and told when they are there", async () => {
    const [fetcher, told] = [vi.fn((key: string) => Promise.resolve(key as unknown as Blob)), vi.fn()];
    const rasters = new Rasters(fetcher, told);
    expect([rasters.get("a", "ada"), rasters.get("a", "ada"), rasters.isIdle]).toEqual([null, null, false]);
    await come();
    expect(rasters.get("a", "ada")).toMatchObject({ of: "a" });
    expect([fetcher.mock.calls.length, told.mock.calls.length, rasters.isIdle]).toEqual([1, 1, true]);
  });

  it("give way to the next of their slot only when that is there", async () => {
    const rasters = new Rasters((key) => Promise.resolve(key as unknown as Blob), vi.fn());
    rasters.get("small", "ada");
    await come();
    rasters.get("small", "ada");
    expect(rasters.get("large", "ada")).toMatchObject({ of: "small" });
    expect(rasters.get("large", "ben")).toBeNull();
    await come();
    expect(rasters.get("large", "ada")).toMatchObject({ of: "large" });
  });

  it("are asked for again some time after they failed", async () => {
    const fetcher = vi.fn<(key: string) => Promise<Blob>>().mockRejectedValueOnce(new TypeError("offline"));
    fetcher.mockResolvedValue("a" as unknown as Blob);
    const told = vi.fn();
    const rasters = new Rasters(fetcher, told);
    rasters.get("a", "ada");
    await come();
    expect([rasters.get("a", "ada"), fetcher.mock.calls.length, rasters.isIdle]).toEqual([null, 1, true]);
    await vi.advanceTimersByTimeAsync(3_001);
    expect(told).toHaveBeenCalledTimes(2); // it failed; it may be asked for again
    rasters.get("a", "ada");
    await come();
    expect(rasters.get("a", "ada")).toMatchObject({ of: "a" });
  });

  it("are not all kept for ever", async () => {
    const fetcher = vi.fn((key: string) => Promise.resolve(key as unknown as Blob));
    const rasters = new Rasters(fetcher, vi.fn());
    rasters.prefetch(Array.from({ length: 400 }, (_, i) => `k${i}`));
    await come();
    rasters.get("k399", "");
    expect(fetcher).toHaveBeenCalledTimes(400);
    rasters.get("k0", "");
    expect(fetcher).toHaveBeenCalledTimes(401);
  });
});
