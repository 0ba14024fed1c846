/** Idempotency keys: the server makes one job of a request, however often it is sent. */

/** A new key. Not `randomUUID`, which pages that are not served securely do not have. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Keeps the key of a request until it is answered: sent again after a lost answer, it is the same one. */
export class RequestKey {
  #told = "";
  #key = "";

  /** `told`: all that makes the request what it is. */
  of(told: string): string {
    if (told !== this.#told) [this.#told, this.#key] = [told, newKey()];
    return this.#key;
  }

  /** The same asked for again is another one from now on. */
  answered(): void {
    this.#told = "";
  }
}
