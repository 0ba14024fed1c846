import type { ReactNode } from "react";

import { useComposer } from "../context";
import { Dialog } from "../controls/Dialog";
import { BINDINGS, shownKeys, type Binding } from "../keymap";
import { isMac } from "../platform";

/** All keys, from the very table that they are read from. */
export function HelpSheet(): ReactNode {
  const { session } = useComposer();
  return (
    <Dialog title="Keys" size="large" onClose={() => session.dialog.set(null)}>
      <div className="rc-help">
        {BINDINGS.map((group) => (
          <section key={group.name}>
            <h3>{group.name}</h3>
            <dl>
              {byText(group.bindings).map(([says, keys]) => (
                <div key={says}>
                  <dt>
                    {keys.map((key, i) => (
                      <span key={key} className="rc-keys" data-range={i > 0 && says.includes("palette")}>
                        {shownKeys(key, isMac()).map((part) => (
                          <kbd key={part}>{part}</kbd>
                        ))}
                      </span>
                    ))}
                  </dt>
                  <dd>{says}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <section>
          <h3>Pointer</h3>
          <dl>
            <Line keys={["Click"]} says="Select a tile" />
            <Line keys={["Double click"]} says="Pin it, or unpin it" />
            <Line keys={["Drag"]} says="Place it; the handles resize it" />
            <Line keys={["⇧", "Drag"]} says="Keep its proportions" />
            <Line keys={["Ctrl", "Drag"]} says="Without snapping" />
            <Line keys={["Ctrl", "Wheel"]} says="Zoom the timeline" />
          </dl>
        </section>
      </div>
    </Dialog>
  );
}

function Line({ keys, says }: { readonly keys: readonly string[]; readonly says: string }): ReactNode {
  return (
    <div>
      <dt>
        <span className="rc-keys">
          {keys.map((key) => (
            <kbd key={key}>{key}</kbd>
          ))}
        </span>
      </dt>
      <dd>{says}</dd>
    </div>
  );
}

/** Bindings with one text stand in one line. */
function byText(bindings: readonly Binding[]): readonly (readonly [string, readonly string[]])[] {
  const lines = new Map<string, string[]>();
  for (const { says, key } of bindings) lines.set(says, [...(lines.get(says) ?? []), key]);
  return [...lines].map(([says, keys]) => [says, keys.length > 4 ? [keys[0] ?? "", keys.at(-1) ?? ""] : keys]);
}
