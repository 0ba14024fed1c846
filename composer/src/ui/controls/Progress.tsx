import type { ReactNode } from "react";

import { aboutDuration } from "../format";
import type { JobReading } from "../jobs";

/** How far a job has come. */
export function Progress({ reading, label }: { readonly reading: JobReading; readonly label: string }): ReactNode {
  const { progress, status } = reading;
  const fraction = status === "ready" ? 1 : (progress?.fraction ?? 0);
  const percent = Math.floor(fraction * 100);
  return (
    <div className="rc-progress">
      <div
        className="rc-progress__bar"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        data-waiting={status === "queued"}
      >
        <div style={{ transform: `scaleX(${fraction})` }} />
      </div>
      <p className="rc-progress__words" aria-live="polite">
        <span>{wordsOf(reading)}</span>
        <span className="rc-numbers">{status === "processing" ? `${percent} %` : ""}</span>
      </p>
    </div>
  );
}

function wordsOf({ status, progress }: JobReading): string {
  if (status === "queued") return "Waiting for a free worker…";
  if (status === "ready") return "Done";
  if (status === "failed") return "Stopped";
  if (progress === null || progress.total === 0) return "Preparing…";
  const done = `${progress.done} of ${progress.total} parts`;
  return progress.eta_s === null ? done : `${done} · about ${aboutDuration(progress.eta_s)} left`;
}
