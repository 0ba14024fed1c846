// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import type { RecordingStatus } from "../api/types";
import { createEngine } from "./engine";

beforeEach(() => {
  // jsdom measures and paints nothing
  const nothing: object = new Proxy(() => nothing, { get: () => nothing, set: () => true });
  vi.stubGlobal(
    "ResizeObserver",
    vi.fn(function observer() {
      return { observe: vi.fn(), disconnect: vi.fn() };
    }),
  );
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(nothing as never);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const STATUS: RecordingStatus = {
  recording_id: "rec",
  room_id: "room",
  preview_status: null,
  export_status: null,
  preview: { peers: {}, screenshare: {}, job_id: null },
  export: { url: null, job_id: null },
  exports: [],
};

/** A recording that nobody has edited. */
async function opened() {
  const seen: { readonly method: string; readonly url: string; readonly signal: AbortSignal | null | undefined }[] = [];
  const status = vi.fn(() => Response.json(STATUS));
  vi.stubGlobal("fetch", (url: string, { method = "GET", signal }: RequestInit = {}) => {
    seen.push({ method, url, signal });
    if (method === "PUT") return Promise.resolve(Response.json({ composition_id: "c", updated_at: "now" }));
    if (url.endsWith("/rec")) return Promise.resolve(status());
    return Promise.resolve(Response.json({ detail: "no" }, { status: 404 }));
  });
  const getToken = () => Promise.resolve("token");
  const engine = createEngine({ recordingId: "rec", apiBase: "https://farm.test", getToken });
  await engine.open();
  const saves = () => seen.filter(({ method }) => method === "PUT");
  return { engine, status, saves };
}

it("a recording that nobody has edited is saved when it is to be exported", async () => {
  const { engine, saves } = await opened();
  expect(engine.phase.get()).toEqual({ kind: "ready", preview: "none" });
  await engine.document.flush();
  expect(saves()).toHaveLength(1);
  engine.close();
});

it("the status that is read for newer addresses is the one that everybody sees", async () => {
  const { engine, status } = await opened();
  const exports = [{ export_id: "e" }];
  status.mockImplementation(() => Response.json({ ...STATUS, exports }));
  await engine.readStatus();
  expect(engine.recording.get()?.exports).toEqual(exports);
  engine.close();
});

it("what is edited last is saved though the composer is closed", async () => {
  const { engine, saves } = await opened();
  engine.document.edit((state) => ({ ...state, layout: "pip" }));
  engine.close();
  await vi.waitFor(() => expect(saves()).toHaveLength(1));
  expect(saves()[0]?.signal?.aborted ?? false).toBe(false);
});
