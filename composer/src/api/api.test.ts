import { describe, expect, it, vi } from "vitest";

import { EMPTY } from "../composition/defaults";
import { ComposerApi } from "./client";
import { ApiError, isTransient, isTransientForSaving, Unreachable } from "./errors";
import { EventParser } from "./sse";
import { tokensOf } from "./tokens";
import type { TokenAction } from "./types";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: unknown;
}

/** A client whose requests are answered by `answers` in turn. */
function client(...answers: (() => Response | Error)[]) {
  const seen: Seen[] = [];
  const asked: TokenAction[] = [];
  const fetcher = vi.fn((url: string, init: RequestInit) => {
    seen.push({ method: init.method ?? "GET", url, headers: new Headers(init.headers), body: init.body });
    const answer = answers[Math.min(seen.length, answers.length) - 1]?.();
    return answer instanceof Response ? Promise.resolve(answer) : Promise.reject(answer ?? new Error("no answer"));
  });
  const getToken = (action: TokenAction) => {
    asked.push(action);
    return Promise.resolve(`${action}#${asked.length}`);
  };
  const api = new ComposerApi({
    recordingId: "a/b",
    apiBase: "https://farm.test/api/",
    getToken,
    fetch: fetcher as unknown as typeof fetch,
  });
  return { api, seen, asked };
}

const json = (value: unknown, init?: ResponseInit) => () => Response.json(value, init);
const problem = (status: number, slug: string, more: object = {}, headers: HeadersInit = {}) =>
  json({ type: `urn:recording-farm:problem:${slug}`, status, detail: `no ${slug}`, ...more }, { status, headers });

describe("requests", () => {
  it("carry a token that was asked for them", async () => {
    const { api, seen, asked } = client(
      json({}),
      json({ composition_id: "x", updated_at: "now" }),
      json({ job_id: "j" }),
    );
    await api.plan(EMPTY, { fromMs: 0, toMs: 5000 });
    await api.save(EMPTY, '"1"');
    await api.requestExport({ preset: "draft" }, "key-1");
    expect(asked).toEqual(["user", "composition:write", "export:create"]);
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "POST https://farm.test/api/recordings/a%2Fb/plan?from_ms=0&to_ms=5000",
      "PUT https://farm.test/api/recordings/a%2Fb/composition",
      "POST https://farm.test/api/recordings/a%2Fb/export",
    ]);
    expect(seen[1]?.headers.get("If-Match")).toBe('"1"');
    expect(seen[1]?.headers.get("Authorization")).toBe("Bearer composition:write#2");
    expect(seen[2]?.headers.get("Idempotency-Key")).toBe("key-1");
    expect(JSON.parse(seen[2]?.body as string)).toEqual({ preset: "draft" });
  });

  it("are made once more with another token where one was refused", async () => {
    const { api, asked } = client(problem(401, "token-rejected"), json({ job_id: "j", status: "queued" }));
    expect(await api.requestPreview()).toEqual({ job_id: "j", status: "queued" });
    expect(asked).toEqual(["preview:read", "preview:read"]);
  });

  it("fail where the second token is refused too", async () => {
    const { api, asked } = client(problem(401, "token-rejected"));
    await expect(api.status()).rejects.toMatchObject({ status: 401, slug: "token-rejected", isAccess: true });
    expect(asked).toHaveLength(2);
  });
});

describe("problems", () => {
  it("tell the fields", async () => {
    const errors = [{ pointer: "/timeline/0/t", detail: "is required" }];
    const { api } = client(problem(422, "composition-invalid", { errors }));
    const error: unknown = await api.plan(EMPTY).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ message: "no composition-invalid", fields: errors, isTransient: false });
  });

  it("tell what is stored instead", async () => {
    const { api } = client(problem(412, "precondition-failed", {}, { ETag: '"7"' }));
    await expect(api.save(EMPTY, '"1"')).rejects.toMatchObject({ isConflict: true, etag: '"7"' });
  });

  it("of a proxy that speaks HTML are problems too", async () => {
    const { api } = client(() => new Response("<h1>Bad gateway</h1>", { status: 502, statusText: "Bad Gateway" }));
    await expect(api.status()).rejects.toMatchObject({ slug: "http-502", message: "Bad Gateway", isTransient: true });
  });

  it("of a connection that breaks in the middle of an answer are told as such", async () => {
    const broken = () => new Response(new ReadableStream({ pull: (stream) => stream.error(new TypeError("network")) }));
    const { api } = client(broken);
    const asked = [
      api.status(),
      api.composition(),
      api.save(EMPTY, null),
      api.still(EMPTY, 0),
      api.manifest("https://farm.test/media/x"),
    ];
    for (const answer of asked) await expect(answer).rejects.toBeInstanceOf(Unreachable);
  });

  it("of a host that has no token at the moment pass, unless it says what is wrong", async () => {
    const failing = (error: Error) =>
      new ComposerApi({ recordingId: "a", apiBase: "https://farm.test", getToken: () => Promise.reject(error) });
    await expect(failing(new TypeError("offline")).status()).rejects.toBeInstanceOf(Unreachable);
    const refused = new ApiError(403, "forbidden", "no");
    await expect(failing(refused).status()).rejects.toBe(refused);
  });

  it("of a save that another one was in the way of pass; of other requests they do not", () => {
    const conflict = new ApiError(409, "conflict", "try again shortly");
    expect([isTransientForSaving(conflict), isTransient(conflict)]).toEqual([true, false]);
  });

  it("are told from a server that cannot be reached", async () => {
    const { api } = client(() => new TypeError("Failed to fetch"));
    const error: unknown = await api.status().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Unreachable);
    expect(isTransient(error)).toBe(true);
  });
});

describe("the saved composition", () => {
  it("that is the first one is saved only where there is still none", async () => {
    const { api, seen } = client(json({ composition_id: "x", updated_at: "now" }));
    expect(await api.save(EMPTY, null)).toMatchObject({ etag: '"x"' });
    expect(seen[0]?.headers.get("If-None-Match")).toBe("*");
    expect(seen[0]?.headers.get("If-Match")).toBeNull();
  });

  it("comes with its tag", async () => {
    const { api } = client(json({ layout: "pip" }, { headers: { ETag: '"3"' } }));
    expect(await api.composition()).toEqual({ state: { layout: "pip" }, etag: '"3"' });
  });

  it("is null where none was saved of a recording that may be seen", async () => {
    const { api } = client(problem(404, "not-found"), json({ recording_id: "a/b" }));
    expect(await api.composition()).toBeNull();
  });

  it("is an error of a recording that may not", async () => {
    const { api } = client(problem(404, "not-found"));
    await expect(api.composition()).rejects.toMatchObject({ isMissing: true });
  });
});

describe("server-sent events", () => {
  const text =
    'retry: 500\n: hello\n\nid: 1\nevent: status\ndata: {"a":1}\n\nid: 2\ndata: x\ndata:  y\n\ndata: z\r\n\r\n';
  const expected = [
    { id: "1", type: "status", data: '{"a":1}' },
    { id: "2", type: "message", data: "x\n y" },
    { id: "2", type: "message", data: "z" },
  ];

  it.each([1, 2, 3, 7, 1000])("are whole however they are cut: %d characters at a time", (size) => {
    const parser = new EventParser();
    const pieces = text.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")) ?? [];
    expect(pieces.flatMap((piece) => parser.push(piece))).toEqual(expected);
    expect(parser.retryMs).toBe(500);
  });

  it("go on over a broken connection, from the last one that was seen", async () => {
    const { api, seen } = client(
      () => new Response('retry: 1\n\nid: 5\ndata: {"type":"progress","job_id":"j"}\n\nid: 6\ndata: {"type":"pro'),
      () => new TypeError("network"),
      () => new Response('id: 7\ndata: {"type":"status","job_id":"j","status":"ready"}\n\nid: 8\ndata: never seen\n\n'),
    );
    const events = [];
    for await (const event of api.jobEvents("j", new AbortController().signal)) events.push(event.type);
    expect(events).toEqual(["progress", "status"]);
    expect(seen.map(({ headers }) => headers.get("Last-Event-ID"))).toEqual([null, "5", "5"]);
  });

  it("end where the server refuses", async () => {
    const { api } = client(problem(404, "not-found"));
    const next = api.jobEvents("j", new AbortController().signal).next();
    await expect(next).rejects.toMatchObject({ status: 404 });
  });

  it("end when nobody listens any more", async () => {
    const { api } = client(() => new TypeError("network"));
    const abort = new AbortController();
    const next = api.jobEvents("j", abort.signal).next();
    abort.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });
});

describe("tokens of a page with a user token", () => {
  it("are asked for each action, for that action alone", async () => {
    const fetcher = vi.fn(() => Promise.resolve(Response.json({ token: "single-use" })));
    vi.stubGlobal("fetch", fetcher);
    const getToken = tokensOf("https://farm.test", "rec", () => "user token");
    expect([await getToken("user"), await getToken("export:create")]).toEqual(["user token", "single-use"]);
    const [url, init] = fetcher.mock.calls[0] as unknown as [string, RequestInit];
    expect(url).toBe("https://farm.test/recordings/rec/composition/token");
    expect(init.body).toBe('{"scope":["export:create"]}');
    expect(new Headers(init.headers).get("Authorization")).toBe("Bearer user token");
    vi.unstubAllGlobals();
  });
});
