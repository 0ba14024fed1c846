import { useEffect, useState, type ReactNode } from "react";

import type { GetToken } from "./api/types";
import { createEngine, type ComposerEngine } from "./engine";
import { ComposerPage } from "./ui/Composer";
import { useSteady } from "./ui/useSteady";
import "./ui/styles/index.css";

export interface RecordingComposerProps {
  readonly recordingId: string;
  /** Where the API is, without a slash at the end; "" is the page's own origin. */
  readonly apiBase: string;
  /** Gives a token for one request: the user's, or a composition token for that action. */
  readonly getToken: GetToken;
}

/** Edits one recorded meeting: fills the element that it is put into. */
export function RecordingComposer({ recordingId, apiBase, getToken }: RecordingComposerProps): ReactNode {
  const [engine, setEngine] = useState<ComposerEngine | null>(null);
  const [attempt, setAttempt] = useState(0);
  const tokenNow = useSteady(getToken);
  useEffect(() => {
    const opened = createEngine({ recordingId, apiBase, getToken: tokenNow });
    // eslint-disable-next-line react-hooks/set-state-in-effect -- an engine is opened and closed with the effect
    setEngine(opened);
    void opened.open();
    return () => opened.close();
  }, [recordingId, apiBase, tokenNow, attempt]);
  return (
    <div className="rc">
      {engine !== null && <ComposerPage key={attempt} engine={engine} onRetry={() => setAttempt(attempt + 1)} />}
    </div>
  );
}
