/** What keeps the stage from showing what it should, in words. Pure. */

import { isTransient } from "../../api/errors";
import type { StreamReport } from "../../playback/types";
import { wordsFor, type Failure } from "../failures";

export interface Troubles {
  /** Why there is no plan of the newest state. */
  readonly plan: unknown;
  /** Why addresses of pictures are not renewed. */
  readonly access: unknown;
  /** Who is to be seen and cannot be, by name. */
  readonly missing: readonly string[];
}

/** The one to tell; null where all is well. A renewal that fails for a moment is none while pictures come. */
export function troubleOf({ plan, access, missing }: Troubles): Failure | null {
  if (plan !== null) return wordsFor(plan);
  if (access !== null && (missing.length > 0 || !isTransient(access))) return wordsFor(access);
  if (missing.length === 0) return null;
  return {
    icon: "warning",
    title: `The pictures of ${missing.join(", ")} cannot be played`,
    remedy: "They are tried again by themselves. An export is not concerned.",
    canRetry: true,
  };
}

/** The peers whose streams are to be seen and have failed. */
export function missingPeers(streams: readonly StreamReport[]): string[] {
  const failed = streams.filter(({ seen, state }) => seen && state === "failed");
  return [...new Set(failed.map(({ id }) => id.slice(0, id.lastIndexOf("/"))))];
}
