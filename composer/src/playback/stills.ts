/**
 * Small pictures, one for each segment of each stream: what is seen while scrubbing until the real picture is there.
 *
 * A segment without a still has no picture at all (the source was off). Newest wishes are loaded first; the cache is
 * bounded, and forgets what was not asked for longest.
 */

import type { SignedLinks } from "../api/links";
import type { Size } from "../plan/types";
import { shapeAt } from "./shapes";
import type { StreamSource } from "./types";

export interface Still {
  readonly image: ImageBitmap;
  /** The source's own size: what `fit` is computed on. */
  readonly source: Size;
  /** Of the first picture of the segment, about. */
  readonly mediaMs: number;
}

const KEPT = 400;
const AT_A_TIME = 3;
const WAITING = 24;

type Entry = { readonly kind: "there"; readonly image: ImageBitmap } | { readonly kind: "none" | "coming" };

export class Stills {
  readonly #links: SignedLinks;
  readonly #onPicture: () => void;
  readonly #known = new Map<string, Entry>();
  #waiting: string[] = [];
  #loading = 0;
  #closed = false;

  constructor(links: SignedLinks, onPicture: () => void) {
    this.#links = links;
    this.#onPicture = onPicture;
  }

  /** The still of the segment that holds `mediaMs`, if it is there; else it is asked for. */
  at(source: StreamSource, mediaMs: number): Still | null {
    const segment = Math.max(0, Math.floor(mediaMs / source.segmentMs));
    if (!hasStill(source, segment + 1)) return null;
    const entry = this.#entry(stillUrl(source, segment + 1));
    if (entry.kind !== "there") return null;
    const { image } = entry;
    const shape = shapeAt(source.full.shapes, segment * source.segmentMs);
    const size = shape === null ? image : { width: shape.width, height: shape.height };
    return { image, source: { w: size.width, h: size.height }, mediaMs: segment * source.segmentMs };
  }

  close(): void {
    this.#closed = true;
    this.#waiting = [];
    for (const entry of this.#known.values()) if (entry.kind === "there") entry.image.close();
    this.#known.clear();
  }

  #entry(url: string): Entry {
    const known = this.#known.get(url);
    if (known !== undefined) {
      this.#known.delete(url);
      this.#known.set(url, known);
      return known;
    }
    const coming: Entry = { kind: "coming" };
    this.#known.set(url, coming);
    this.#waiting.push(url);
    for (const dropped of this.#waiting.splice(0, this.#waiting.length - WAITING)) this.#known.delete(dropped);
    this.#next();
    return coming;
  }

  #next(): void {
    while (this.#loading < AT_A_TIME && !this.#closed) {
      const url = this.#waiting.pop();
      if (url === undefined) return;
      this.#loading++;
      void this.#load(url).finally(() => {
        this.#loading--;
        this.#next();
      });
    }
  }

  async #load(url: string): Promise<void> {
    try {
      const response = await fetch(await this.#links.fresh(url));
      if (response.status === 404) this.#keep(url, { kind: "none" });
      else if (!response.ok) this.#known.delete(url);
      else this.#keep(url, { kind: "there", image: await createImageBitmap(await response.blob()) });
    } catch {
      this.#known.delete(url); // asked for again when it is wanted again
    }
  }

  #keep(url: string, entry: Entry): void {
    this.#known.set(url, entry);
    for (const [old, dropped] of this.#known) {
      if (this.#known.size <= KEPT) break;
      if (dropped.kind === "there") dropped.image.close();
      this.#known.delete(old);
    }
    if (entry.kind === "there") this.#onPicture();
  }
}

function hasStill({ full }: StreamSource, number: number): boolean {
  return full.stills?.some(([first, last]) => first <= number && number <= last) ?? true;
}

/** The still of segment `number`, from 1, beside the stream's playlist. */
export function stillUrl(source: StreamSource, number: number): string {
  const { playlist } = source.full;
  return `${playlist.slice(0, playlist.lastIndexOf("/") + 1)}still_${String(number).padStart(4, "0")}.jpg`;
}
