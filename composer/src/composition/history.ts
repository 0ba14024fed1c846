/**
 * What was, what is, and what was undone, of any immutable value. Pure: `History` itself never changes.
 *
 * Edits with one `coalesce` key that follow each other are one step: a drag is undone at once, not pixel by pixel.
 */

export interface History<T> {
  readonly past: readonly T[];
  readonly present: T;
  readonly future: readonly T[];
  /** The key of the step that may still grow; null: the next edit is a step of its own. */
  readonly open: string | null;
}

/** How many steps can be undone. */
export const MAX_STEPS = 200;

export function begin<T>(present: T): History<T> {
  return { past: [], present, future: [], open: null };
}

/** `present` follows; what was undone is forgotten. The same object again is no edit. */
export function edited<T>(history: History<T>, present: T, coalesce: string | null = null): History<T> {
  if (Object.is(present, history.present)) return history;
  const grows = coalesce !== null && history.open === coalesce && history.past.length > 0;
  const past = grows ? history.past : [...history.past, history.present].slice(-MAX_STEPS);
  return { past, present, future: [], open: coalesce };
}

/** Ends the step that edits coalesce into: the pointer was let go. */
export function settled<T>(history: History<T>): History<T> {
  return history.open === null ? history : { ...history, open: null };
}

export function undone<T>(history: History<T>): History<T> {
  const present = history.past.at(-1);
  if (present === undefined) return history;
  return { past: history.past.slice(0, -1), present, future: [history.present, ...history.future], open: null };
}

export function redone<T>(history: History<T>): History<T> {
  const [present, ...future] = history.future;
  if (present === undefined) return history;
  return { past: [...history.past, history.present], present, future, open: null };
}
