import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { Pictures } from "./pictures";

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A strip of one picture, and a server that answers as told, the last answer for ever. */
function strip(...statuses: (number | "offline")[]) {
  const bitmap = { close: vi.fn() };
  const fetched: string[] = [];
  const fetcher = (url: string) => {
    fetched.push(url);
    const status = (statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 200;
    return status === "offline" ? Promise.reject(new TypeError()) : Promise.resolve(new Response("", { status }));
  };
  vi.stubGlobal("fetch", fetcher);
  vi.stubGlobal("createImageBitmap", () => Promise.resolve(bitmap));
  let token = 0;
  const address = (path: string) => Promise.resolve(`https://farm.test/${++token}/${path}`);
  const paint = () => {
    pictures.begin();
    const picture = pictures.get("still.jpg");
    pictures.load();
    return picture;
  };
  const pictures: Pictures = new Pictures(address, () => void paint());
  return { pictures, bitmap, fetched, paint };
}

it.each([403, 500, "offline"] as const)(
  "a picture that fails (%s) is asked for again, at a newer address",
  async (status) => {
    const { bitmap, fetched, paint } = strip(status, 200);
    paint();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(paint()).toBeNull();
    expect(fetched).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(paint()).toBe(bitmap);
    expect(fetched).toEqual(["https://farm.test/1/still.jpg", "https://farm.test/2/still.jpg"]);
  },
);

it("a picture that does not exist is asked for once", async () => {
  const { fetched, paint } = strip(404);
  paint();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(paint()).toBeNull();
  expect(fetched).toHaveLength(1);
});

it("pictures that were let go of come again when they are asked for again, as after a rehearsal of React's", async () => {
  const { pictures, bitmap, paint } = strip(200);
  paint();
  pictures.clear();
  await vi.advanceTimersByTimeAsync(10);
  expect(bitmap.close).toHaveBeenCalledOnce();
  paint();
  await vi.advanceTimersByTimeAsync(10);
  expect(paint()).toBe(bitmap);
});
