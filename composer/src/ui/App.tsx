import { useEffect, useMemo, useState, type ReactNode } from "react";

import { tokensOf } from "../api/tokens";
import { RecordingComposer } from "../RecordingComposer";
import { parseAddress, takeToken } from "./address";
import { Screen } from "./chrome/Screens";

/** The composer as a page of its own: everything it needs is in its address. */
export function App(): ReactNode {
  const [token, setToken] = useState(() => takeToken(window));
  useEffect(() => {
    const onHash = () => setToken(takeToken(window));
    window.addEventListener("hashchange", onHash);
    return () => window.removeEventListener("hashchange", onHash);
  }, []);
  const { recordingId } = parseAddress(window.location.pathname, "");
  const apiBase = window.location.pathname.replace(/\/composer\/.*$/, "");
  const getToken = useMemo(
    () => (recordingId === null || token === null ? null : tokensOf(apiBase, recordingId, () => token)),
    [apiBase, recordingId, token],
  );
  if (recordingId === null) {
    return (
      <Alone>
        <Screen
          icon="film"
          title="Which recording?"
          text="This address names none. Open a recording from your meetings, or with the link that the server printed."
        />
      </Alone>
    );
  }
  if (getToken === null) {
    return (
      <Alone>
        <Screen
          icon="lock"
          title="This link has no key"
          text="Open the recording from your meetings, or with the whole link that the server printed: it ends in #user_token=…"
        />
      </Alone>
    );
  }
  return <RecordingComposer recordingId={recordingId} apiBase={apiBase} getToken={getToken} />;
}

function Alone({ children }: { readonly children: ReactNode }): ReactNode {
  return <div className="rc">{children}</div>;
}
