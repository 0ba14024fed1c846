/**
 * Signed addresses that are renewed before they expire: `{base}/media/{token}/{key}`.
 *
 * A token opens one object, or the files of one folder, and carries its expiry: `{key id}.{o|f}{Unix seconds}.{mac}`.
 * Streams play for hours and their addresses live for minutes, so whatever asks for media goes through `current` or
 * `fresh`, which put the newest token in the place of the one that an address was made with.
 */

import { Cell, type Readable } from "../shared/observable";
import type { RecordingStatus } from "./types";

const SIGNED = /^(.*\/media\/)([^/]+)\/([^?#]*)/;
const EXPIRY = /^[^.]+\.[of](\d{10})\./;

export interface SignedLink {
  readonly base: string;
  readonly token: string;
  /** As it is written in the address. */
  readonly path: string;
  readonly expiresMs: number;
}

/** What a signed address is made of; null for another address. */
export function parseLink(url: string): SignedLink | null {
  const [, base, token, path] = SIGNED.exec(url) ?? [];
  if (base === undefined || token === undefined || path === undefined) return null;
  const expiry = EXPIRY.exec(token)?.[1];
  return { base, token, path, expiresMs: expiry === undefined ? Infinity : Number(expiry) * 1000 };
}

/** Every signed address in a recording's status. */
export function linksOf(status: RecordingStatus): string[] {
  const streams = [...Object.values(status.preview.peers), ...Object.values(status.preview.screenshare)];
  return [
    status.preview.manifest,
    ...streams.flatMap((stream) => Object.values(stream) as (string | undefined)[]),
  ].filter((url) => url !== undefined);
}

/** How long before its end a link is renewed: longer than any one request takes. */
const EARLY_MS = 90_000;
/** Renewing that did not help is not tried again for so long. */
const AGAIN_MS = 5_000;

export class SignedLinks {
  readonly #renew: () => Promise<RecordingStatus>;
  readonly #now: () => number;
  /** By folder, and by whole path for links to one object. */
  readonly #newest = new Map<string, SignedLink>();
  readonly #failure = new Cell<unknown>(null);
  #renewing: Promise<void> | null = null;
  #renewedMs = -Infinity;

  constructor(renew: () => Promise<RecordingStatus>, now: () => number = Date.now) {
    this.#renew = renew;
    this.#now = now;
  }

  /** Why links could not be renewed; null while they can. */
  get failure(): Readable<unknown> {
    return this.#failure;
  }

  /** Takes up the addresses of a status. */
  learn(status: RecordingStatus): void {
    this.#failure.set(null);
    for (const url of linksOf(status)) {
      const link = parseLink(url);
      if (link !== null) this.#newest.set(opens(link), link);
    }
  }

  /** The same address with the newest token that is known. */
  current(url: string): string {
    const link = parseLink(url);
    const newest = link === null ? undefined : this.#newestFor(link);
    return link === null || newest === undefined ? url : `${newest.base}${newest.token}/${link.path}`;
  }

  /** Whether `url` should not be used without asking for a new token. */
  isStale(url: string): boolean {
    const link = parseLink(this.current(url));
    const expiresMs = link === null ? Infinity : (this.#newestFor(link) ?? link).expiresMs;
    return expiresMs - EARLY_MS < this.#now();
  }

  /** The server said that it has expired, whatever the clocks say. */
  refuse(url: string): void {
    const link = parseLink(url);
    if (link === null) return;
    const newest = this.#newestFor(link) ?? link;
    if (newest.token === link.token) this.#newest.set(opens(newest), { ...newest, expiresMs: -Infinity });
  }

  /** The same address with a token that holds for a while yet. */
  async fresh(url: string): Promise<string> {
    if (this.isStale(url)) await this.renew().catch(() => undefined); // the old one may do for a little yet
    return this.current(url);
  }

  /** Asks for new tokens; once for all that want it at a time. Where that fails, the old ones stay. */
  renew(): Promise<void> {
    if (this.#now() - this.#renewedMs < AGAIN_MS) return Promise.resolve();
    this.#renewing ??= this.#ask().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #ask(): Promise<void> {
    try {
      this.learn(await this.#renew());
    } catch (error) {
      this.#failure.set(error);
      throw error;
    } finally {
      this.#renewedMs = this.#now();
    }
  }

  #newestFor(link: SignedLink): SignedLink | undefined {
    return this.#newest.get(link.path) ?? this.#newest.get(folderOf(link.path));
  }
}

function opens(link: SignedLink): string {
  return /^[^.]+\.o/.test(link.token) ? link.path : folderOf(link.path);
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}
