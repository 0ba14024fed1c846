/** What went wrong, in words: what it is, and what helps. Pure. */

import { ApiError, Unreachable } from "../api/errors";
import type { IconName } from "./icons";

export interface Failure {
  readonly icon: IconName;
  readonly title: string;
  readonly remedy: string;
  /** Whether the same may succeed when tried again as it is. */
  readonly canRetry: boolean;
}

export function wordsFor(error: unknown): Failure {
  if (error instanceof Unreachable) {
    return {
      icon: "offline",
      title: "The server cannot be reached",
      remedy: "Check the connection. Nothing that was saved is lost.",
      canRetry: true,
    };
  }
  if (error instanceof ApiError) return wordsForApi(error);
  return {
    icon: "warning",
    title: "Something went wrong",
    remedy: error instanceof Error ? error.message : String(error),
    canRetry: true,
  };
}

function wordsForApi(error: ApiError): Failure {
  if (error.status === 401) {
    return {
      icon: "clock",
      title: "Your access has expired",
      remedy: "Open the recording again from where you came, or with a new link. What was saved is still there.",
      canRetry: true,
    };
  }
  if (error.status === 403) {
    return {
      icon: "lock",
      title: "You may not do that",
      remedy: "Composing and exporting are for hosts and co-hosts of the room. Ask one of them.",
      canRetry: false,
    };
  }
  if (error.isMissing) {
    return {
      icon: "lock",
      title: "There is no such recording, or you may not see it",
      remedy: "Check the address, or ask the host of the room who may see its recordings.",
      canRetry: true,
    };
  }
  if (error.isTransient) {
    return {
      icon: "warning",
      title: error.status === 429 ? "Too many requests" : "The server has a problem",
      remedy: `${sentence(error.message)} It may work again in a moment.`,
      canRetry: true,
    };
  }
  const fields = error.fields.map(({ pointer, detail }) => (pointer === undefined ? detail : `${pointer}: ${detail}`));
  return {
    icon: "warning",
    title: sentence(error.message),
    remedy: fields.length === 0 ? "Undo the last change, or try again." : fields.join("; "),
    canRetry: false,
  };
}

function sentence(text: string): string {
  const trimmed = text.trim();
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}
