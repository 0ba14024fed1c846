import { useCallback, useSyncExternalStore, type ReactNode } from "react";

import { useComposer, useNameOf, useReadable } from "../context";
import { Button } from "../controls/Button";
import { Icon } from "../icons";
import { PreviewNotice } from "./PreviewNotice";
import { missingPeers, troubleOf } from "./trouble";

/** Says why the stage does not show what it should; where nothing is wrong, how the previews stand. */
export function StageNotice(): ReactNode {
  const { engine } = useComposer();
  const { error: plan } = useReadable(engine.plan);
  const access = useReadable(engine.access);
  const missing = useMissing();
  const trouble = troubleOf({ plan, access, missing });
  if (trouble === null) return <PreviewNotice />;
  return (
    <div className="rc-preview-notice rc-preview-notice--failed" role="alert">
      <Icon name={trouble.icon} />
      <div>
        <strong>{trouble.title}</strong>
        <span>{trouble.remedy}</span>
      </div>
      <Button icon="reload" onClick={() => engine.tryAgain()}>
        Try again
      </Button>
    </div>
  );
}

/** The names of those who cannot be seen; streams of previews in the making come as they are made. */
function useMissing(): readonly string[] {
  const { engine } = useComposer();
  const { streams } = engine.transport;
  const phase = useReadable(engine.phase);
  const nameOf = useNameOf();
  // as one text: reports come several times a second, and who is missing changes seldom
  const peers = useSyncExternalStore(
    streams.subscribe,
    useCallback(() => missingPeers(streams.get()).join("\n"), [streams]),
  );
  if (peers === "" || phase.kind !== "ready" || phase.preview !== "whole") return [];
  return peers.split("\n").map(nameOf);
}
