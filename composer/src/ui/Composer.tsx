import { useEffect, useMemo, useRef, type ReactNode } from "react";

import type { ComposerEngine } from "../engine/types";
import { Actions } from "./actions";
import { HelpSheet } from "./chrome/HelpSheet";
import { Notice } from "./chrome/Notice";
import { FailureScreen, LoadingScreen } from "./chrome/Screens";
import { TopBar } from "./chrome/TopBar";
import { ComposerContext, useComposer, useReadable, type Composer } from "./context";
import { ExportDialog } from "./export/ExportDialog";
import { ExportDesk } from "./exports";
import { Inspector } from "./inspector/Inspector";
import { watchLeaving } from "./leaving";
import { PreviewDesk } from "./previews";
import { Session } from "./session";
import { StageArea } from "./stage/StageArea";
import { Timeline } from "./timeline/Timeline";
import { TransportBar } from "./transport/TransportBar";
import { useKeys } from "./useKeys";

/** The whole editor over an engine that is being opened. */
export function ComposerPage({
  engine,
  onRetry,
}: {
  readonly engine: ComposerEngine;
  readonly onRetry: () => void;
}): ReactNode {
  const composer = useParts(engine);
  const phase = useReadable(engine.phase);
  if (phase.kind === "loading") return <LoadingScreen />;
  if (phase.kind === "failed") return <FailureScreen error={phase.error} onRetry={onRetry} />;
  return (
    <ComposerContext value={composer}>
      <Editor />
    </ComposerContext>
  );
}

function useParts(engine: ComposerEngine): Composer {
  const composer = useMemo(() => {
    const session = new Session();
    const [previews, exporting] = [new PreviewDesk(engine), new ExportDesk(engine)];
    return { engine, session, actions: new Actions(engine, session), previews, exporting };
  }, [engine]);
  useEffect(() => {
    composer.previews.begin();
    composer.exporting.begin();
    return () => {
      composer.actions.shuttle.stop();
      composer.previews.close();
      composer.exporting.close();
    };
  }, [composer]);
  return composer;
}

function Editor(): ReactNode {
  const { engine, session } = useComposer();
  const root = useRef<HTMLDivElement>(null);
  const dialog = useReadable(session.dialog);
  useEffect(() => watchLeaving(window, document, engine.document), [engine]);
  useKeys(root);
  return (
    <div ref={root} className="rc-editor" tabIndex={-1}>
      <TopBar />
      <StageArea />
      <TransportBar />
      <Inspector />
      <Timeline />
      <Notice />
      {dialog === "export" && <ExportDialog />}
      {dialog === "help" && <HelpSheet />}
    </div>
  );
}
