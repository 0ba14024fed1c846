import { useRef, useState, type ReactNode } from "react";

import { useComposer, useReadable } from "../context";
import { Button } from "../controls/Button";
import { Progress } from "../controls/Progress";
import { wordsFor } from "../failures";
import { Icon } from "../icons";
import { isRunning, type JobReading } from "../jobs";
import { Download } from "./Earlier";

/** A running export, and what became of it. */
export function Outcome({ reading }: { readonly reading: JobReading }): ReactNode {
  if (reading.lost !== null) return <Lost reading={reading} />;
  if (isRunning(reading)) return <Running reading={reading} />;
  return (
    <div className="rc-outcome" data-status={reading.status}>
      {reading.status === "ready" ? <Ready reading={reading} /> : <Failed reading={reading} />}
      <NewExport />
    </div>
  );
}

function NewExport(): ReactNode {
  const { exporting } = useComposer();
  return (
    <Button look="quiet" icon="plus" onClick={() => exporting.job.forget()}>
      New export
    </Button>
  );
}

/** It may go on, or have ended: nobody can see it from here. */
function Lost({ reading }: { readonly reading: JobReading }): ReactNode {
  const { exporting } = useComposer();
  const { title, remedy } = wordsFor(reading.lost);
  return (
    <div className="rc-outcome" data-status="lost">
      <p className="rc-problem" role="alert">
        <strong>The export is out of sight; it may go on all the same.</strong> {title} {remedy}
      </p>
      <Button icon="reload" onClick={() => void exporting.follow(reading.jobId)}>
        Look again
      </Button>
      <NewExport />
    </div>
  );
}

function Running({ reading }: { readonly reading: JobReading }): ReactNode {
  const { exporting } = useComposer();
  const [cancel, setCancel] = useState<"no" | "asked" | { readonly error: unknown }>("no");
  const stop = () => {
    setCancel("asked");
    exporting.job.cancel().catch((error: unknown) => setCancel({ error }));
  };
  return (
    <div className="rc-outcome" data-status="running">
      <Progress reading={reading} label="Export" />
      <p className="rc-hint">You can close this and go on editing: what is exported was saved when it began.</p>
      <Button look="danger" icon="close" disabled={cancel === "asked"} onClick={stop}>
        {cancel === "asked" ? "Stopping…" : "Cancel export"}
      </Button>
      <NewExport />
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

/** Keeps its address while that opens, for with another one it would begin anew; then goes on with the newest. */
function Film({ url }: { readonly url: string }): ReactNode {
  const [src, setSrc] = useState(url);
  const reachedS = useRef(0);
  return (
    <video
      className="rc-outcome__film"
      src={src}
      controls
      preload="metadata"
      onError={(event) => {
        reachedS.current = event.currentTarget.currentTime;
        setSrc(url);
      }}
      onLoadedMetadata={(event) => {
        event.currentTarget.currentTime = reachedS.current;
      }}
    />
  );
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
