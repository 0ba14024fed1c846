/** A farm for tests: a real client whose requests are answered by a function. */

import { ComposerApi } from "../api/client";

export interface Request {
  readonly method: string;
  /** Below the recording's own address, or the whole path. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
  readonly form: FormData | null;
}

/** `answer` gives a response, or throws as a broken connection does. */
export function farm(answer: (request: Request) => Response) {
  const seen: Request[] = [];
  const fetcher = async (url: string, init: RequestInit = {}) => {
    const path = new URL(url).pathname.replace(/^\/recordings\/rec/, "");
    const request = {
      method: init.method ?? "GET",
      path,
      headers: new Headers(init.headers),
      body: typeof init.body === "string" ? init.body : "",
      form: init.body instanceof FormData ? init.body : null,
    };
    seen.push(request);
    return Promise.resolve(answer(request));
  };
  const api = new ComposerApi({
    recordingId: "rec",
    apiBase: "https://farm.test",
    getToken: () => Promise.resolve("token"),
    fetch: fetcher as typeof fetch,
  });
  return { api, seen };
}

export function problem(status: number): Response {
  return Response.json({ status, detail: "no" }, { status });
}
