/** Sees to it that nobody leaves the page with edits that are not saved, without being asked. */

import type { SaveStatus } from "../composition/autosave";
import type { Readable } from "../shared/observable";

interface Saved {
  readonly saving: Readable<SaveStatus>;
  readonly flush: () => Promise<void>;
}

/** A page that is put out of sight may never come back: what is not saved is saved then. */
export function watchLeaving(
  page: EventTarget,
  sight: EventTarget & { hidden: boolean },
  composition: Saved,
): () => void {
  const isSaved = () => composition.saving.get().kind === "saved";
  const onLeave = (event: Event) => {
    if (!isSaved()) event.preventDefault();
  };
  const onSight = () => {
    if (sight.hidden && !isSaved()) void composition.flush().catch(() => undefined);
  };
  page.addEventListener("beforeunload", onLeave);
  sight.addEventListener("visibilitychange", onSight);
  return () => {
    page.removeEventListener("beforeunload", onLeave);
    sight.removeEventListener("visibilitychange", onSight);
  };
}
