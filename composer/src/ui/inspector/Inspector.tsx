import { useEffect, type KeyboardEvent, type ReactNode } from "react";

import { useComposer, useReadable } from "../context";
import { Icon, type IconName } from "../icons";
import type { PanelName } from "../session";
import { EventsPanel } from "./EventsPanel";
import { LayoutPanel } from "./LayoutPanel";
import { PeoplePanel } from "./PeoplePanel";
import { StylePanel } from "./StylePanel";

const TABS: readonly { readonly name: PanelName; readonly text: string; readonly icon: IconName }[] = [
  { name: "layout", text: "Layout", icon: "layout" },
  { name: "people", text: "People", icon: "people" },
  { name: "style", text: "Style", icon: "style" },
  { name: "events", text: "Events", icon: "events" },
];

const PANELS: Readonly<Record<PanelName, () => ReactNode>> = {
  layout: LayoutPanel,
  people: PeoplePanel,
  style: StylePanel,
  events: EventsPanel,
};

/** The panels beside the stage, one at a time. */
export function Inspector(): ReactNode {
  const { session } = useComposer();
  const panel = useReadable(session.panel);
  const selection = useReadable(session.selection);
  useEffect(() => {
    if (selection.kind === "event") session.panel.set("events");
  }, [selection, session]);
  const Panel = PANELS[panel];
  return (
    <aside className="rc-inspector" aria-label="Inspector">
      <div
        className="rc-tabs"
        role="tablist"
        aria-label="Panels"
        onKeyDown={(event) => turn(event, panel, session.panel.set)}
      >
        {TABS.map(({ name, text, icon }) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`rc-tab-${name}`}
            aria-selected={panel === name}
            aria-controls="rc-panel"
            tabIndex={panel === name ? 0 : -1}
            onClick={() => session.panel.set(name)}
          >
            <Icon name={icon} />
            {text}
          </button>
        ))}
      </div>
      <div
        className="rc-panel"
        role="tabpanel"
        id="rc-panel"
        tabIndex={-1}
        aria-labelledby={`rc-tab-${panel}`}
        data-panel={panel}
      >
        <Panel />
      </div>
    </aside>
  );
}

/** Arrow keys go from tab to tab. */
function turn(event: KeyboardEvent<HTMLElement>, panel: PanelName, set: (panel: PanelName) => void): void {
  const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  if (by === 0) return;
  event.stopPropagation();
  const at = TABS.findIndex(({ name }) => name === panel);
  const next = TABS[(at + by + TABS.length) % TABS.length]?.name ?? panel;
  set(next);
  event.currentTarget.querySelector<HTMLElement>(`#rc-tab-${next}`)?.focus();
}
