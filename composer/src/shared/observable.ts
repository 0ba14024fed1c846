/**
 * A value that changes, and those who want to know.
 *
 * The shape is what React's `useSyncExternalStore(cell.subscribe, cell.get)` takes; nothing here knows React.
 */

export interface Readable<T> {
  /** The value now; the same object until it changes. */
  readonly get: () => T;
  /** Calls `listener` after each change until the function returned is called. */
  readonly subscribe: (listener: () => void) => () => void;
}

export class Cell<T> implements Readable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  readonly get = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Tells the listeners unless nothing changed. */
  readonly set = (value: T): void => {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  };
}
