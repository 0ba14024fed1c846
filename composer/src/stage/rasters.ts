/** The server's own labels, avatars, texts and images, by the keys that plans name; fetched once, with the token. */

const KEPT = 300;
const RETRY_MS = 3_000;

type Entry =
  | { readonly kind: "there"; readonly image: ImageBitmap }
  | { readonly kind: "coming" }
  | { readonly kind: "failed"; readonly atMs: number };

export class Rasters {
  readonly #fetch: (key: string) => Promise<Blob>;
  readonly #onPicture: () => void;
  readonly #known = new Map<string, Entry>();

  constructor(fetcher: (key: string) => Promise<Blob>, onPicture: () => void) {
    this.#fetch = fetcher;
    this.#onPicture = onPicture;
  }

  /** The raster of `key` if it is there; else it is asked for. */
  get(key: string): ImageBitmap | null {
    const known = this.#known.get(key);
    if (known?.kind === "there") {
      this.#known.delete(key);
      this.#known.set(key, known);
      return known.image;
    }
    if (known === undefined || (known.kind === "failed" && performance.now() - known.atMs > RETRY_MS)) {
      this.#known.set(key, { kind: "coming" });
      void this.#load(key);
    }
    return null;
  }

  /** Whether nothing that was asked for is still coming. */
  get isIdle(): boolean {
    return [...this.#known.values()].every((entry) => entry.kind !== "coming");
  }

  close(): void {
    for (const entry of this.#known.values()) if (entry.kind === "there") entry.image.close();
    this.#known.clear();
  }

  async #load(key: string): Promise<void> {
    try {
      this.#keep(key, { kind: "there", image: await createImageBitmap(await this.#fetch(key)) });
    } catch {
      this.#keep(key, { kind: "failed", atMs: performance.now() });
    }
    this.#onPicture();
  }

  #keep(key: string, entry: Entry): void {
    this.#known.set(key, entry);
    for (const [old, dropped] of this.#known) {
      if (this.#known.size <= KEPT) return;
      if (dropped.kind === "there") dropped.image.close();
      this.#known.delete(old);
    }
  }
}
