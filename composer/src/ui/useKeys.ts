import { useEffect, type RefObject } from "react";

import { useComposer } from "./context";
import { commandOf } from "./keymap";

/**
 * Keys act wherever the focus is inside the editor, or nowhere; but text fields keep what is typed, and a control keeps
 * the keys that it has a use for.
 */
export function useKeys(root: RefObject<HTMLElement | null>): void {
  const { actions, session } = useComposer();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || session.dialog.get() !== null) return;
      const target = event.target instanceof HTMLElement ? event.target : document.body;
      if (target !== document.body && root.current?.contains(target) !== true) return;
      const command = commandOf(event);
      if (command === null || isKeptBy(target, event)) return;
      event.preventDefault();
      actions.run(command);
    };
    const onKeyUp = (event: KeyboardEvent) => {
      if (event.key.startsWith("Arrow")) actions.settle();
    };
    document.addEventListener("keydown", onKeyDown);
    document.addEventListener("keyup", onKeyUp);
    return () => {
      document.removeEventListener("keydown", onKeyDown);
      document.removeEventListener("keyup", onKeyUp);
    };
  }, [actions, session, root]);
}

function isKeptBy(target: HTMLElement, event: KeyboardEvent): boolean {
  const isShortcut = event.ctrlKey || event.metaKey;
  if (target.matches("input:not([type=range],[type=radio],[type=checkbox]), textarea, select"))
    return !isTextSafe(event);
  if (target.matches("input[type=radio], input[type=range]"))
    return event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End";
  if (target.matches("input[type=checkbox], button, summary, a"))
    return !isShortcut && (event.key === " " || event.key === "Enter");
  return false;
}

/** What a text field has no use for: saving and exporting. Undo there is the field's own. */
function isTextSafe(event: KeyboardEvent): boolean {
  return (event.ctrlKey || event.metaKey) && /^[se]$/i.test(event.key);
}
