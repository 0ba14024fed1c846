/** The small pictures of the film strips: loaded as they come into sight, few at a time, kept while they may be needed. */

const KEPT = 600;
const AT_A_TIME = 4;
/** What could not be loaded is not asked for again sooner. */
const AGAIN_MS = 5_000;

export class Pictures {
  readonly #address: (path: string) => Promise<string | null>;
  readonly #onPicture: () => void;
  readonly #known = new Map<string, ImageBitmap | null>();
  #wanted: string[] = [];
  #loading = 0;
  /** Counts how often all was let go of: what was under way then is not kept. */
  #round = 0;

  /** `address`: where the file `path` of the preview is now; null while nobody knows. */
  constructor(address: (path: string) => Promise<string | null>, onPicture: () => void) {
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
    while (this.#loading < AT_A_TIME) {
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

  /** Lets go of all pictures; those that are asked for afterwards are loaded again. */
  clear(): void {
    this.#round++;
    this.#wanted = [];
    for (const picture of this.#known.values()) picture?.close();
    this.#known.clear();
  }

  async #fetch(path: string): Promise<void> {
    const round = this.#round;
    this.#known.set(path, null);
    try {
      const file = await this.#file(path);
      const picture = file === null ? null : await decoded(file);
      if (round !== this.#round) picture?.close();
      else if (picture !== null) this.#keep(path, picture);
    } catch {
      this.#forget(path, round);
    }
  }

  /** Null where there is none; rejects where there may be one. */
  async #file(path: string): Promise<Blob | null> {
    const url = await this.#address(path);
    if (url === null) throw new Error("nobody knows where it is");
    const response = await fetch(url);
    if (response.status === 404) return null;
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return response.blob();
  }

  #forget(path: string, round: number): void {
    setTimeout(() => {
      if (round !== this.#round) return;
      this.#known.delete(path);
      this.#onPicture();
    }, AGAIN_MS);
  }

  #keep(path: string, picture: ImageBitmap): void {
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

/** Null where the file is no picture: it will not be one the next time either. */
function decoded(file: Blob): Promise<ImageBitmap | null> {
  return createImageBitmap(file, { resizeHeight: 64 }).catch(() => null);
}
