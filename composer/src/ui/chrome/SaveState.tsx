import { useState, type ReactNode } from "react";

import { completed } from "../../composition/defaults";
import type { CompositionState } from "../../composition/types";
import { useComposer, useCompositionState, useReadable } from "../context";
import { Button } from "../controls/Button";
import { Dialog } from "../controls/Dialog";
import { wordsFor } from "../failures";
import { plural } from "../format";
import { Icon } from "../icons";

/** Whether what is here is saved; what to do where it cannot be. */
export function SaveState(): ReactNode {
  const { engine } = useComposer();
  const saving = useReadable(engine.document.saving);
  switch (saving.kind) {
    case "saved":
      return <Status words="Saved" icon="check" tone="calm" />;
    case "unsaved":
      return <Status words="Edited" icon="cloud" tone="calm" />;
    case "saving":
      return <Status words="Saving…" icon="cloud" tone="calm" />;
    case "conflict":
      return (
        <>
          <Status words="Changed elsewhere" icon="warning" tone="alert" />
          <ConflictDialog />
        </>
      );
    case "failed":
      return <SaveFailed error={saving.error} retryInMs={saving.retryInMs} />;
  }
}

interface StatusProps {
  readonly words: string;
  readonly icon: "check" | "cloud" | "warning";
  readonly tone: "calm" | "alert";
}

function Status({ words, icon, tone }: StatusProps): ReactNode {
  return (
    <p className="rc-save" data-tone={tone} role="status">
      <Icon name={icon} size={14} />
      {words}
    </p>
  );
}

function SaveFailed({ error, retryInMs }: { readonly error: unknown; readonly retryInMs: number | null }): ReactNode {
  const { engine } = useComposer();
  const { title, remedy } = wordsFor(error);
  return (
    <div className="rc-save" data-tone="alert" role="alert">
      <Icon name="warning" size={14} />
      <span title={remedy}>
        Not saved: {title}
        {retryInMs !== null && `. Trying again in ${Math.round(retryInMs / 1000)} s`}
      </span>
      <Button look="quiet" onClick={() => void engine.document.flush().catch(() => undefined)}>
        Save now
      </Button>
    </div>
  );
}

interface Theirs {
  readonly state: CompositionState;
  readonly etag: string | null;
}

/** Somebody else saved in between: whose composition counts? */
function ConflictDialog(): ReactNode {
  const { engine, session } = useComposer();
  const mine = useCompositionState();
  const [problem, setProblem] = useState<string | null>(null);
  const [isLater, setLater] = useState(false);
  if (isLater) return <Button onClick={() => setLater(false)}>Decide</Button>;
  const decide = (act: (theirs: Theirs) => Promise<void> | void) => {
    setProblem(null);
    fetchTheirs()
      .then(act)
      .catch((error: unknown) => {
        const { title, remedy } = wordsFor(error);
        setProblem(`${title} ${remedy}`);
      });
  };
  const fetchTheirs = async (): Promise<Theirs> => {
    const stored = await engine.api.composition();
    return { state: completed(stored?.state ?? {}), etag: stored?.etag ?? null };
  };
  return (
    <Dialog
      title="Somebody else has saved this composition"
      size="small"
      onClose={() => setLater(true)}
      footer={
        <>
          <Button onClick={() => decide(({ state, etag }) => engine.document.takeTheirs(state, etag))}>
            Take theirs
          </Button>
          <Button
            look="primary"
            onClick={() =>
              decide(async ({ etag }) => {
                await engine.document.keepMine(etag);
                session.notice.set("Saved. Theirs was replaced.");
              })
            }
          >
            Keep mine
          </Button>
        </>
      }
    >
      <p>
        While you were editing, this recording was saved from another window or by another person. Yours has{" "}
        {plural(mine.timeline.length, "event")} and is not saved yet.
      </p>
      <ul className="rc-choices">
        <li>
          <strong>Keep mine</strong> replaces what they saved.
        </li>
        <li>
          <strong>Take theirs</strong> loads what they saved. Undo brings yours back.
        </li>
      </ul>
      {problem !== null && (
        <p className="rc-problem" role="alert">
          {problem}
        </p>
      )}
    </Dialog>
  );
}
