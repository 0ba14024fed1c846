import { useLayoutEffect, type RefObject } from "react";

/**
 * When `box` goes while something in it has the focus, the nearest element around it that can takes the focus: else it
 * would fall to the body, and the next Tab would begin at the top of the page.
 */
export function useFocusKept(box: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const element = box.current;
    return () => {
      if (element?.contains(document.activeElement) !== true) return;
      element.parentElement?.closest<HTMLElement>("[tabindex]")?.focus({ preventScroll: true });
    };
  }, [box]);
}
