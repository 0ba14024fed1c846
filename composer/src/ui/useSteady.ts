import { useCallback, useEffect, useRef } from "react";

/** One function for good that does what the newest given one does: whoever writes one inline gives another each time. */
export function useSteady<Given extends readonly unknown[], Result>(
  newest: (...given: Given) => Result,
): (...given: Given) => Result {
  const current = useRef(newest);
  useEffect(() => {
    current.current = newest;
  }, [newest]);
  return useCallback((...given: Given) => current.current(...given), []);
}
