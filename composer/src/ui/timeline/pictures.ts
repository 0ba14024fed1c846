/** The small pictures of the film strips: loaded as they come into sight, few at a time, kept while they may be needed. */

const KEPT = 600;
const AT_A_TIME = 4;

export class Pictures {
  readonly #address: (path: string) => string | null;
  readonly #onPicture: () => void;
  readonly #known = new Map<string, ImageBitmap | null>();
  #wanted: string[] = [];
  #loading = 0;
  #isClosed = false;

  /** `address`: where the file `path` of the preview is now; null while nobody knows. */
  constructor(address: (path: string) => string | null, onPicture: () => void) {
    this.#address = address;
    this.#onPicture = onPicture;
  }

  /** The picture if it is there; else it is asked for. Call `begin` before a round of asking. */
  get(path: string): ImageBitmap | null {
    const known = this.#known.get(path);
    if (known === undefined) this.#wanted.push(path);
    return known ?? null;
  }

  /** What was asked for in the last round and has not come is no longer in sight. */
  begin(): void {
    this.#wanted = [];
  }

  /** Loads what the round has asked for. */
  load(): void {
    while (this.#loading < AT_A_TIME && !this.#isClosed) {
      const path = this.#wanted.shift();
      if (path === undefined) return;
      if (this.#known.has(path)) continue;
      this.#loading++;
      void this.#fetch(path).finally(() => {
        this.#loading--;
        this.load();
      });
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const picture of this.#known.values()) picture?.close();
    this.#known.clear();
  }

  async #fetch(path: string): Promise<void> {
    const url = this.#address(path);
    if (url === null) return;
    this.#known.set(path, null);
    try {
      const response = await fetch(url);
      if (response.status === 403) this.#known.delete(path); // the link has expired: asked for again with a new one
      if (response.ok) this.#keep(path, await createImageBitmap(await response.blob(), { resizeHeight: 64 }));
    } catch {
      this.#known.delete(path);
    }
  }

  #keep(path: string, picture: ImageBitmap): void {
    if (this.#isClosed) {
      picture.close();
      return;
    }
    this.#known.delete(path);
    this.#known.set(path, picture);
    for (const [old, dropped] of this.#known) {
      if (this.#known.size <= KEPT) break;
      dropped?.close();
      this.#known.delete(old);
    }
    this.#onPicture();
  }
}
