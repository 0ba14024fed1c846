import type { ReactNode } from "react";

import { useComposer, useDurationMs, useReadable } from "../context";
import { Button, IconButton } from "../controls/Button";
import { clock, plural } from "../format";
import { isRunning } from "../jobs";
import { SaveState } from "./SaveState";

/** What is being edited, whether it is saved, undo, help, export. */
export function TopBar(): ReactNode {
  const { engine, actions } = useComposer();
  const steps = useReadable(engine.document.steps);
  return (
    <header className="rc-top">
      <Title />
      <SaveState />
      <div className="rc-top__tools">
        <IconButton
          icon="undo"
          label="Undo"
          shortcut="Mod+Z"
          tip="below"
          disabled={!steps.canUndo}
          onClick={() => actions.run("undo")}
        />
        <IconButton
          icon="redo"
          label="Redo"
          shortcut="Mod+Shift+Z"
          tip="below"
          disabled={!steps.canRedo}
          onClick={() => actions.run("redo")}
        />
        <IconButton icon="help" label="Keys" shortcut="?" tip="below" onClick={() => actions.run("help")} />
        <ExportButton />
      </div>
    </header>
  );
}

function Title(): ReactNode {
  const { engine } = useComposer();
  const manifest = useReadable(engine.manifest);
  const durationMs = useDurationMs();
  const day = manifest === null ? null : new Date(manifest.zero_unix_ms);
  const when = day?.toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" });
  const people = manifest === null ? [] : [plural(manifest.peers.length, "person", "people")];
  const facts = [...people, ...(durationMs > 0 ? [clock(durationMs, 0)] : [])];
  return (
    <div className="rc-top__title">
      <i className="rc-mark" aria-hidden="true" />
      <h1>{when === undefined ? "Meeting" : `Meeting of ${when}`}</h1>
      <span className="rc-numbers">{facts.join(" · ")}</span>
    </div>
  );
}

/** Shows how far a running export has come, also while its dialog is closed. */
function ExportButton(): ReactNode {
  const { actions, exporting } = useComposer();
  const reading = useReadable(exporting.job.reading);
  const fraction = reading?.progress?.fraction ?? 0;
  const isBusy = isRunning(reading);
  return (
    <Button
      look="primary"
      icon="exportOut"
      className="rc-top__export"
      aria-keyshortcuts="Control+E"
      style={{ "--share": isBusy ? fraction : 0 }}
      onClick={() => actions.run("export")}
    >
      {isBusy ? `Exporting ${Math.floor(fraction * 100)} %` : "Export"}
    </Button>
  );
}
