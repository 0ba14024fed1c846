/** The streams that are attached: those that are wanted, and for a moment those that just were. */

import { parseLink, type SignedLinks } from "../api/links";
import { StreamPlayer } from "./stream";
import type { StreamId, StreamSource } from "./types";
import type { Wanted } from "./wanted";

/** Who was seen a moment ago is often seen again. */
const LINGER_MS = 4_000;
/** A tile that shrank may grow again: the low rendition can wait, the full one cannot. */
const LOWER_AFTER_MS = 4_000;

interface Attached {
  readonly player: StreamPlayer;
  wanted: Wanted;
  wantedAtMs: number;
  fullAtMs: number;
}

export class Pool {
  readonly #links: SignedLinks;
  readonly #host: HTMLElement;
  readonly #onPicture: () => void;
  readonly #onGone: (player: StreamPlayer) => void;
  readonly #attached = new Map<StreamId, Attached>();

  /** `host`: the element that the videos live in; browsers play what is in no document only now and then. */
  constructor(links: SignedLinks, host: HTMLElement, onPicture: () => void, onGone: (player: StreamPlayer) => void) {
    this.#links = links;
    this.#host = host;
    this.#onPicture = onPicture;
    this.#onGone = onGone;
  }

  get(id: StreamId): StreamPlayer | null {
    return this.#attached.get(id)?.player ?? null;
  }

  /** All that are attached, with what they are wanted for. */
  *all(): Generator<{ readonly player: StreamPlayer; readonly wanted: Wanted }> {
    yield* this.#attached.values();
  }

  /** Attaches what is wanted and is not there, at `mediaMs(peer)`, and lets go of what has not been for a while. */
  update(
    wanted: readonly Wanted[],
    sources: ReadonlyMap<StreamId, StreamSource>,
    mediaMs: (peerId: string) => number,
    nowMs: number,
    limit: number,
  ): void {
    const ids = new Set(wanted.map(({ id }) => id));
    for (const [id, { player, wantedAtMs }] of this.#attached) {
      const source = sources.get(id);
      const isOver = !ids.has(id) && nowMs - wantedAtMs > LINGER_MS;
      if (isOver || source === undefined || !sameFiles(player.source, source)) this.#detach(id);
    }
    for (const one of wanted) {
      const source = sources.get(one.id);
      if (source !== undefined) this.#want(one, source, mediaMs, nowMs);
    }
    this.#shrinkTo(limit, ids);
    for (const [id, attached] of this.#attached) {
      if (!ids.has(id)) attached.wanted = { ...attached.wanted, isNeeded: false, isSeen: false };
      attached.player.isSeen = attached.wanted.isSeen;
    }
  }

  clear(): void {
    for (const id of [...this.#attached.keys()]) this.#detach(id);
  }

  #want(wanted: Wanted, source: StreamSource, mediaMs: (peerId: string) => number, nowMs: number): void {
    let attached = this.#attached.get(wanted.id);
    if (attached === undefined) {
      const player = new StreamPlayer(source, wanted.rendition, mediaMs(source.peerId), this.#links, this.#onPicture);
      this.#host.append(player.video);
      attached = { player, wanted, wantedAtMs: nowMs, fullAtMs: nowMs };
      this.#attached.set(wanted.id, attached);
    }
    attached.player.source = source;
    attached.wanted = wanted;
    attached.wantedAtMs = nowMs;
    if (wanted.rendition === "full") attached.fullAtMs = nowMs;
    if (wanted.rendition === "full" || nowMs - attached.fullAtMs > LOWER_AFTER_MS) {
      attached.player.setRendition(wanted.rendition);
    }
  }

  #shrinkTo(limit: number, wanted: ReadonlySet<StreamId>): void {
    for (const id of [...this.#attached.keys()]) {
      if (this.#attached.size <= limit) return;
      if (!wanted.has(id)) this.#detach(id);
    }
  }

  #detach(id: StreamId): void {
    const attached = this.#attached.get(id);
    if (attached === undefined) return;
    this.#attached.delete(id);
    this.#onGone(attached.player);
    attached.player.close();
  }
}

/** Whether the same files lie behind both: addresses change with every new signature, files do not. */
function sameFiles(a: StreamSource, b: StreamSource): boolean {
  const path = (source: StreamSource, name: "full" | "low") => {
    const url = source[name]?.playlist ?? "";
    return parseLink(url)?.path ?? url;
  };
  return a === b || (path(a, "full") === path(b, "full") && path(a, "low") === path(b, "low"));
}
