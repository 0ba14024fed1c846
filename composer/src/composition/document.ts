/**
 * The composition that is being edited: the state now, its history, and how it stands with the server.
 *
 * Every edit goes through `edit`; what is shown follows `state`. Knows no network: `Autosave` is handed in.
 */

import { Cell, type Readable } from "../shared/observable";
import type { Autosave, SaveStatus } from "./autosave";
import { begin, edited, redone, settled, undone, type History } from "./history";
import type { CompositionState } from "./types";

export type Edit = (state: CompositionState) => CompositionState;

export interface HistoryReading {
  readonly canUndo: boolean;
  readonly canRedo: boolean;
}

export class CompositionDocument {
  readonly #autosave: Autosave<CompositionState>;
  readonly #state: Cell<CompositionState>;
  readonly #steps = new Cell<HistoryReading>({ canUndo: false, canRedo: false });
  #history: History<CompositionState>;

  constructor(state: CompositionState, autosave: Autosave<CompositionState>) {
    this.#history = begin(state);
    this.#state = new Cell(state);
    this.#autosave = autosave;
  }

  get state(): Readable<CompositionState> {
    return this.#state;
  }

  get steps(): Readable<HistoryReading> {
    return this.#steps;
  }

  get saving(): Readable<SaveStatus> {
    return this.#autosave.status;
  }

  /** Edits with the same `coalesce` key are one step of history until `settle`. */
  edit(change: Edit, coalesce: string | null = null): void {
    this.#turn(edited(this.#history, change(this.#history.present), coalesce));
  }

  /** The pointer was let go: the next edit is a step of its own. */
  settle(): void {
    this.#history = settled(this.#history);
  }

  undo(): void {
    this.#turn(undone(this.#history));
  }

  redo(): void {
    this.#turn(redone(this.#history));
  }

  /** Saves now; rejects where it cannot be saved. */
  flush(): Promise<void> {
    return this.#autosave.flush();
  }

  /** Resolves a conflict by what is here. */
  keepMine(theirEtag: string | null): Promise<void> {
    return this.#autosave.keepMine(theirEtag);
  }

  /** Resolves a conflict by what is stored; what was here can be had back by undo. */
  takeTheirs(state: CompositionState, etag: string | null): void {
    this.#autosave.takeTheirs(state, etag);
    this.#history = edited(settled(this.#history), state);
    this.#tell();
  }

  close(): void {
    this.#autosave.close();
  }

  #turn(history: History<CompositionState>): void {
    const changed = !Object.is(history.present, this.#history.present);
    this.#history = history;
    if (!changed) return;
    this.#autosave.changed(history.present);
    this.#tell();
  }

  #tell(): void {
    const { past, present, future } = this.#history;
    const steps = { canUndo: past.length > 0, canRedo: future.length > 0 };
    const known = this.#steps.get();
    if (steps.canUndo !== known.canUndo || steps.canRedo !== known.canRedo) this.#steps.set(steps);
    this.#state.set(present);
  }
}
