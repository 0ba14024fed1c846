import { useEffect, type ReactNode } from "react";

import { useComposer, useReadable } from "../context";

const SHOWN_MS = 4_000;

/** A line that is said once, and goes. */
export function Notice(): ReactNode {
  const { session } = useComposer();
  const notice = useReadable(session.notice);
  useEffect(() => {
    if (notice === null) return undefined;
    const timer = setTimeout(() => session.notice.set(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [notice, session]);
  return (
    <div className="rc-notice" role="status" data-shown={notice !== null}>
      {notice}
    </div>
  );
}
