import type { ReactNode } from "react";

import { useComposer, useReadable } from "../context";
import { Button } from "../controls/Button";
import { Progress } from "../controls/Progress";
import { wordsFor } from "../failures";
import { Icon } from "../icons";
import type { JobReading } from "../jobs";

/** Says how the previews stand while they are not all there. */
export function PreviewNotice(): ReactNode {
  const { engine, previews } = useComposer();
  const phase = useReadable(engine.phase);
  const reading = useReadable(previews.job.reading);
  const error = useReadable(previews.error);
  const wanted = phase.kind === "ready" ? phase.preview : "whole";
  const ask = () => void previews.ask();
  if (wanted === "whole") return null;
  if (error !== null) return <Failed error={error} onRetry={ask} />;
  if (wanted === "failed") return <Failed error={saidBy(reading)} onRetry={ask} />;
  return (
    <div className="rc-preview-notice" role="status">
      <Icon name="film" />
      <div>
        <strong>Making the previews</strong>
        <span>You can play and edit as far as they have come.</span>
        {reading !== null && <Progress reading={reading} label="Previews" />}
      </div>
    </div>
  );
}

function Failed({ error, onRetry }: { readonly error: unknown; readonly onRetry: () => void }): ReactNode {
  const { icon, title, remedy } = wordsFor(error);
  return (
    <div className="rc-preview-notice rc-preview-notice--failed" role="alert">
      <Icon name={icon} />
      <div>
        <strong>No previews: {title}</strong>
        <span>{remedy}</span>
      </div>
      <Button icon="reload" onClick={onRetry}>
        Try again
      </Button>
    </div>
  );
}

function saidBy(reading: JobReading | null): Error {
  return new Error(reading?.message ?? reading?.reason ?? "they could not be made");
}
