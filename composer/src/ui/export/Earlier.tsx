import type { ReactNode } from "react";

import type { ExportListed } from "../../api/types";
import { useComposer, useReadable } from "../context";
import { Button } from "../controls/Button";
import { madeAt } from "../format";
import { Icon } from "../icons";

const SHOWN = 8;

/** What was exported before, newest first. */
export function Earlier(): ReactNode {
  const { engine, exporting } = useComposer();
  const recording = useReadable(engine.recording);
  const reading = useReadable(exporting.job.reading);
  const exports = (recording?.exports ?? []).filter((known) => known.export_id !== reading?.jobId);
  if (exports.length === 0) return null;
  return (
    <section className="rc-earlier" aria-label="Earlier exports">
      <h3>Earlier exports</h3>
      <ul>
        {exports.slice(0, SHOWN).map((known) => (
          <li key={known.export_id}>
            <Row made={known} />
          </li>
        ))}
      </ul>
    </section>
  );
}

const WORDS: Readonly<Record<ExportListed["status"], string>> = {
  queued: "waiting",
  processing: "being made",
  ready: "ready",
  failed: "not finished",
};

function Row({ made }: { readonly made: ExportListed }): ReactNode {
  const { exporting } = useComposer();
  const thumbnail = made.thumbnails[0];
  return (
    <>
      {thumbnail === undefined ? (
        <span className="rc-earlier__picture">
          <Icon name="film" />
        </span>
      ) : (
        <img className="rc-earlier__picture" src={thumbnail} alt="" loading="lazy" />
      )}
      <span className="rc-earlier__words">
        <strong>{madeAt(made.created_at, new Date())}</strong>
        <small data-status={made.status}>{WORDS[made.status]}</small>
      </span>
      {made.url !== null && <Download url={made.url} look="plain" name={`meeting-${made.export_id.slice(0, 8)}`} />}
      {(made.status === "queued" || made.status === "processing") && (
        <Button onClick={() => void exporting.follow(made.export_id)}>Show</Button>
      )}
    </>
  );
}

interface DownloadProps {
  readonly url: string;
  readonly look: "plain" | "primary";
  readonly name: string;
}

/** A link that saves the file under a name that says what it is. */
export function Download({ url, look, name }: DownloadProps): ReactNode {
  const suffix = /\.(\w+)(?:\?|$)/.exec(url)?.[1] ?? "mp4";
  return (
    <a className={`rc-button rc-button--${look}`} href={url} download={`${name}.${suffix}`}>
      <Icon name="download" />
      Download
    </a>
  );
}
