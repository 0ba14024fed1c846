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
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** What each slot showed last. */
  readonly #shown = new Map<string, string>();

  constructor(fetcher: (key: string) => Promise<Blob>, onPicture: () => void) {
    this.#fetch = fetcher;
    this.#onPicture = onPicture;
  }

  /**
   * The raster of `key`; until it is there, what `slot` showed last: a tile that changes its size has another avatar of
   * the same person, and should not blink.
   */
  get(key: string, slot: string): ImageBitmap | null {
    const image = this.#there(key);
    if (image === null) {
      this.#ask(key);
      return this.#there(this.#shown.get(slot));
    }
    this.#shown.set(slot, key);
    return image;
  }

  /** Asks for rasters that will be wanted soon. */
  prefetch(keys: Iterable<string>): void {
    for (const key of keys) this.#ask(key);
  }

  /** Whether nothing that was asked for is still coming. */
  get isIdle(): boolean {
    return [...this.#known.values()].every((entry) => entry.kind !== "coming");
  }

  close(): void {
    clearTimeout(this.#retry);
    for (const entry of this.#known.values()) if (entry.kind === "there") entry.image.close();
    this.#known.clear();
  }

  #there(key: string | undefined): ImageBitmap | null {
    const known = key === undefined ? undefined : this.#known.get(key);
    if (key === undefined || known?.kind !== "there") return null;
    this.#known.delete(key);
    this.#known.set(key, known);
    return known.image;
  }

  #ask(key: string): void {
    const known = this.#known.get(key);
    const isDue = known?.kind === "failed" && performance.now() - known.atMs > RETRY_MS;
    if (known !== undefined && !isDue) return;
    this.#known.set(key, { kind: "coming" });
    void this.#load(key);
  }

  async #load(key: string): Promise<void> {
    try {
      this.#keep(key, { kind: "there", image: await createImageBitmap(await this.#fetch(key)) });
    } catch {
      this.#keep(key, { kind: "failed", atMs: performance.now() });
      clearTimeout(this.#retry);
      this.#retry = setTimeout(this.#onPicture, RETRY_MS + 1);
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
