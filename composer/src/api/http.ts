/** One request to the API: the token fetched for it, the answer or a typed error out of it. */

import { ApiError, errorOf, Unreachable } from "./errors";
import type { GetToken, TokenAction } from "./types";

export interface Asked {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** What the token must permit; `user` unless said otherwise. */
  readonly action?: TokenAction;
  readonly query?: Readonly<Record<string, string | number | null | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly form?: FormData;
  readonly signal?: AbortSignal | undefined;
}

export class Http {
  readonly #base: string;
  readonly #getToken: GetToken;
  readonly #fetch: typeof fetch;

  constructor(base: string, getToken: GetToken, fetcher: typeof fetch = (...asked) => fetch(...asked)) {
    this.#base = base.replace(/\/+$/, "");
    this.#getToken = getToken;
    this.#fetch = fetcher;
  }

  /**
   * The response, if its status is below 400. A token that was refused is asked for once more: it may have expired
   * between the two, or been used up by a request whose answer was lost.
   */
  async ask(path: string, asked: Asked = {}): Promise<Response> {
    try {
      return await this.#once(path, asked);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      return this.#once(path, asked);
    }
  }

  async json<T>(path: string, asked: Asked = {}): Promise<T> {
    const response = await this.ask(path, asked);
    return (await received(response.json(), asked.signal)) as T;
  }

  async blob(path: string, asked: Asked = {}): Promise<Blob> {
    const response = await this.ask(path, asked);
    return received(response.blob(), asked.signal);
  }

  async #once(path: string, asked: Asked): Promise<Response> {
    const token = await received(this.#getToken(asked.action ?? "user"));
    const headers = new Headers(asked.headers);
    headers.set("Authorization", `Bearer ${token}`);
    if (asked.json !== undefined) headers.set("Content-Type", "application/json");
    const sent = this.#fetch(this.#base + path + search(asked.query), {
      method: asked.method ?? "GET",
      headers,
      body: asked.form ?? (asked.json === undefined ? null : JSON.stringify(asked.json)),
      signal: asked.signal ?? null,
    });
    const response = await received(sent, asked.signal);
    if (response.status >= 400) throw await errorOf(response);
    return response;
  }
}

/** What is awaited from elsewhere: whatever breaks on the way is told as such, unless it was broken off here. */
export async function received<T>(coming: Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await coming;
  } catch (error) {
    if (signal?.aborted === true || error instanceof ApiError || error instanceof Unreachable) throw error;
    throw new Unreachable(error);
  }
}

function search(query: Asked["query"]): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}
