import { useEffect, useRef, useState, type ReactNode } from "react";

import { MAX_EVENTS } from "../../composition/defaults";
import type { LayoutName, TextEvent, TimelineEvent } from "../../composition/types";
import { LAYOUTS } from "../actions";
import { useComposer, useCompositionState, useFrameMs, useNameOf, useReadable } from "../context";
import { Button, IconButton } from "../controls/Button";
import { Field, NumberField, Select, TextField } from "../controls/fields";
import { clock, parseClock, plural } from "../format";
import { Icon, type IconName } from "../icons";
import { LAYOUT_NAMES, told } from "../timeline/markers";
import { useElementSize } from "../useElementSize";
import { useFocusKept } from "../useFocusKept";
import { useLanes } from "../useLanes";

const ROW_PX = 40;

/** All events in a list, each to be sought, edited and removed: the timeline for those who do without a pointer. */
export function EventsPanel(): ReactNode {
  const { timeline } = useCompositionState();
  const { session } = useComposer();
  const selection = useReadable(session.selection);
  const selected = selection.kind === "event" && timeline.includes(selection.event) ? selection.event : null;
  if (timeline.length === 0) {
    return (
      <p className="rc-hint rc-hint--empty">
        Nothing happens yet. Choose a layout, pin a tile or drag one: it holds from the playhead on, and is listed here.
      </p>
    );
  }
  return (
    <div className="rc-events">
      {selected !== null && <EventEditor key={String(timeline.indexOf(selected))} event={selected} />}
      <p className="rc-hint">
        {plural(timeline.length, "event")} of at most {MAX_EVENTS}
      </p>
      <EventList timeline={timeline} selected={selected} />
    </div>
  );
}

interface EventListProps {
  readonly timeline: readonly TimelineEvent[];
  readonly selected: TimelineEvent | null;
}

/** Only the rows in sight exist. */
function EventList({ timeline, selected }: EventListProps): ReactNode {
  const { session, actions } = useComposer();
  const nameOf = useNameOf();
  const frameMs = useFrameMs();
  const box = useRef<HTMLDivElement>(null);
  const height = useElementSize(box)?.h ?? 400;
  const [scrollTop, setScrollTop] = useState(0);
  const selectedIndex = selected === null ? -1 : timeline.indexOf(selected);
  useEffect(() => {
    if (box.current === null || selectedIndex < 0) return;
    const top = selectedIndex * ROW_PX;
    if (top < box.current.scrollTop || top + ROW_PX > box.current.scrollTop + height)
      box.current.scrollTop = top - ROW_PX;
  }, [selectedIndex, height]);
  const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - 2);
  const rows = timeline.slice(first, first + Math.ceil(height / ROW_PX) + 5);
  return (
    <div ref={box} className="rc-events__list" onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}>
      <ul style={{ height: timeline.length * ROW_PX }}>
        {rows.map((event, i) => (
          <li key={first + i} style={{ top: (first + i) * ROW_PX }} data-past={event.t <= frameMs + 1}>
            <button
              type="button"
              className="rc-events__row"
              aria-pressed={event === selected}
              onClick={() => {
                session.selectEvent(event);
                actions.seekToEvent(event.t);
              }}
            >
              <Icon name={ICONS[event.type]} />
              <span className="rc-numbers">{clock(event.t)}</span>
              <span className="rc-events__told">{told(event, nameOf)}</span>
            </button>
            <IconButton
              icon="trash"
              label={`Remove: ${told(event, nameOf)}`}
              tip="none"
              onClick={() => actions.removeEvent(event)}
            />
          </li>
        ))}
      </ul>
    </div>
  );
}

export const ICONS: Readonly<Record<TimelineEvent["type"], IconName>> = {
  layout: "layout",
  pin: "pin",
  unpin: "pin",
  place: "place",
  unplace: "release",
  hide: "eyeOff",
  show: "eye",
  mute: "muted",
  unmute: "sound",
  text: "text",
};

/** What can be changed of one event. */
function EventEditor({ event }: { readonly event: TimelineEvent }): ReactNode {
  const { actions, session } = useComposer();
  const nameOf = useNameOf();
  const box = useRef<HTMLElement>(null);
  useFocusKept(box);
  const commitTime = (text: string) => {
    const tMs = parseClock(text);
    if (tMs !== null) actions.moveEvent(event, tMs);
  };
  return (
    <section ref={box} className="rc-section rc-event-editor" aria-label="Event">
      <h3>
        <Icon name={ICONS[event.type]} /> {told(event, nameOf)}
        <IconButton icon="close" label="Done" tip="none" onClick={() => session.deselect()} />
      </h3>
      <Field label="From">
        {(id) => <TextField id={id} value={clock(event.t, 3)} onCommit={commitTime} className="rc-time-field" />}
      </Field>
      <Details event={event} />
      <div className="rc-row">
        <Button icon="toStart" onClick={() => actions.seekToEvent(event.t)}>
          Go there
        </Button>
        <Button icon="trash" look="danger" onClick={() => actions.removeEvent(event)}>
          Remove
        </Button>
      </div>
    </section>
  );
}

function Details({ event }: { readonly event: TimelineEvent }): ReactNode {
  const { actions } = useComposer();
  switch (event.type) {
    case "layout":
      return (
        <Field label="Layout">
          {(id) => (
            <Select<LayoutName>
              id={id}
              value={event.layout}
              options={LAYOUTS.map((layout) => ({ value: layout, text: LAYOUT_NAMES[layout] }))}
              onChange={(layout) => actions.changeEvent(event, { ...event, layout })}
            />
          )}
        </Field>
      );
    case "text":
      return <TextDetails event={event} />;
    case "unpin":
      return null;
    case "pin":
    case "place":
    case "unplace":
    case "hide":
    case "show":
    case "mute":
    case "unmute":
      return (
        <PeerChoice peerId={event.peer_id} onChange={(id) => actions.changeEvent(event, { ...event, peer_id: id })} />
      );
  }
}

function PeerChoice({
  peerId,
  onChange,
}: {
  readonly peerId: string;
  readonly onChange: (id: string) => void;
}): ReactNode {
  const nameOf = useNameOf();
  const options = useLanes().map((lane) => ({ value: lane.peerId, text: nameOf(lane.peerId) }));
  return <Field label="Who">{(id) => <Select id={id} value={peerId} options={options} onChange={onChange} />}</Field>;
}

function TextDetails({ event }: { readonly event: TextEvent }): ReactNode {
  const { actions } = useComposer();
  return (
    <>
      <Field label="Text">
        {(id) => (
          <textarea
            id={id}
            className="rc-textarea"
            rows={2}
            value={event.text}
            maxLength={500}
            onChange={(change) => {
              const text = change.target.value;
              if (text.trim() !== "") actions.changeEvent(event, { ...event, text }, "text");
            }}
            onBlur={() => actions.settle()}
          />
        )}
      </Field>
      <Field label="For">
        {(id) => (
          <NumberField
            id={id}
            value={event.duration_ms / 1000}
            min={0.1}
            max={86_400}
            suffix="s"
            onCommit={(seconds) => actions.changeEvent(event, { ...event, duration_ms: Math.round(seconds * 1000) })}
          />
        )}
      </Field>
    </>
  );
}
