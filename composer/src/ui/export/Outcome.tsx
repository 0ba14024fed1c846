import { useState, type ReactNode } from "react";

import { useComposer, useReadable } from "../context";
import { Button } from "../controls/Button";
import { Progress } from "../controls/Progress";
import { wordsFor } from "../failures";
import { Icon } from "../icons";
import { isRunning, type JobReading } from "../jobs";
import { Download } from "./Earlier";

/** A running export, and what became of it. */
export function Outcome({ reading }: { readonly reading: JobReading }): ReactNode {
  const { exporting } = useComposer();
  if (isRunning(reading)) return <Running reading={reading} />;
  return (
    <div className="rc-outcome" data-status={reading.status}>
      {reading.status === "ready" ? <Ready reading={reading} /> : <Failed reading={reading} />}
      <Button look="quiet" icon="plus" onClick={() => exporting.forget()}>
        New export
      </Button>
    </div>
  );
}

function Running({ reading }: { readonly reading: JobReading }): ReactNode {
  const { exporting } = useComposer();
  const [cancel, setCancel] = useState<"no" | "asked" | { readonly error: unknown }>("no");
  const stop = () => {
    setCancel("asked");
    exporting.cancel().catch((error: unknown) => setCancel({ error }));
  };
  return (
    <div className="rc-outcome" data-status="running">
      <Progress reading={reading} label="Export" />
      <p className="rc-hint">You can close this and go on editing: what is exported was saved when it began.</p>
      <Button look="danger" icon="close" disabled={cancel === "asked"} onClick={stop}>
        {cancel === "asked" ? "Stopping…" : "Cancel export"}
      </Button>
      {typeof cancel === "object" && (
        <p className="rc-problem" role="alert">
          {wordsFor(cancel.error).title}
        </p>
      )}
    </div>
  );
}

function Ready({ reading }: { readonly reading: JobReading }): ReactNode {
  const { engine } = useComposer();
  const recording = useReadable(engine.recording);
  const url = recording?.exports.find((known) => known.export_id === reading.jobId)?.url ?? null;
  return (
    <>
      <Progress reading={reading} label="Export" />
      <p className="rc-outcome__words" role="status">
        <Icon name="check" /> Your export is ready.
      </p>
      {url !== null && <Film url={url} />}
      {url !== null && <Download url={url} look="primary" name={`meeting-${reading.jobId.slice(0, 8)}`} />}
      <Warnings reading={reading} />
    </>
  );
}

function Film({ url }: { readonly url: string }): ReactNode {
  return <video className="rc-outcome__film" src={url} controls preload="metadata" />;
}

function Warnings({ reading }: { readonly reading: JobReading }): ReactNode {
  const messages = [...new Set(reading.warnings.map((warning) => warning.message))];
  if (messages.length === 0) return null;
  return (
    <details className="rc-warnings">
      <summary>What to know of the source ({messages.length})</summary>
      <ul>
        {messages.map((message) => (
          <li key={message}>{message}</li>
        ))}
      </ul>
    </details>
  );
}

function Failed({ reading }: { readonly reading: JobReading }): ReactNode {
  if (reading.reason === "cancelled") {
    return (
      <p className="rc-outcome__words" role="status">
        <Icon name="close" /> The export was cancelled. What was rendered is kept, and a later one goes on from there.
      </p>
    );
  }
  return (
    <p className="rc-problem" role="alert">
      <strong>The export failed.</strong> {reading.message ?? reading.reason ?? "Try again."}
    </p>
  );
}
