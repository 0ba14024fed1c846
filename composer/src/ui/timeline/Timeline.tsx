import {
  useEffect,
  useEffectEvent,
  useMemo,
  useRef,
  useState,
  type CSSProperties,
  type ReactNode,
  type RefObject,
} from "react";

import { isHiddenAt, isMutedAt } from "../../composition/at";
import { trimOf } from "../composing";
import { useComposer, useCompositionState, useDurationMs, useFrameMs, useNameOf, useReadable } from "../context";
import { IconButton } from "../controls/Button";
import { clock, spokenTime } from "../format";
import { Icon } from "../icons";
import { useLanes } from "../useLanes";
import { LAYOUT_NAMES, markersOf, openingLayout } from "./markers";
import { Overview } from "./Overview";
import { Pictures } from "./pictures";
import { rowsOf, type PeerRow, type Rows } from "./rows";
import { TimelineView } from "./TimelineView";
import { usePeaks } from "./usePeaks";
import { useTimelinePointer } from "./useTimelinePointer";
import { clampMs, toX } from "./viewport";

const ZOOM_STEP = 1.6;

/** What happened, and what is made of it, along the time of the recording. */
export function Timeline(): ReactNode {
  const { engine, session } = useComposer();
  const [timeline] = useState(
    () => new TimelineView((onPicture) => new Pictures((path) => engine.previewUrl(path), onPicture)),
  );
  useEffect(() => () => timeline.close(), [timeline]);
  const rows = useShown(timeline);
  const head = useRef<HTMLCanvasElement>(null);
  const peers = useRef<HTMLCanvasElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const surface = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (head.current === null || peers.current === null || scroller.current === null) return undefined;
    return timeline.attach(head.current, peers.current, scroller.current);
  }, [timeline]);
  useZoomCommands(timeline);
  useWheel(timeline, surface);
  const pointerOn = useTimelinePointer(timeline, surface);
  return (
    <section className="rc-timeline" aria-label="Timeline" style={{ "--head": `${rows.headHeight}px` }}>
      <div className="rc-timeline__corner">
        <IconButton icon="minus" label="Zoom out" shortcut="-" onClick={() => session.zoomBy("out")} />
        <IconButton icon="plus" label="Zoom in" shortcut="+" onClick={() => session.zoomBy("in")} />
        <IconButton icon="expand" label="Show everything" shortcut="0" onClick={() => session.zoomBy("fit")} />
        <HeadLabels rows={rows} />
      </div>
      <div className="rc-timeline__surface" ref={surface}>
        <Playhead timeline={timeline} />
      </div>
      <canvas ref={head} className="rc-timeline__head" aria-hidden="true" {...pointerOn("head")} />
      <div className="rc-timeline__scroller" ref={scroller}>
        <div className="rc-timeline__content" style={{ height: rows.peersHeight }}>
          <div className="rc-timeline__labels">
            {rows.peers.map((row) => (
              <LaneLabel key={row.lane.peerId} row={row} />
            ))}
          </div>
          <canvas ref={peers} className="rc-timeline__peers" aria-hidden="true" {...pointerOn("peers")} />
        </div>
      </div>
      <Overview timeline={timeline} />
    </section>
  );
}

/** Keeps what the timeline shows up to date; gives its rows. */
function useShown(timeline: TimelineView): Rows {
  const { session } = useComposer();
  const state = useCompositionState();
  const durationMs = useDurationMs();
  const nameOf = useNameOf();
  const lanes = useLanes();
  const peaks = usePeaks(lanes);
  const selection = useReadable(session.selection);
  const markers = useMemo(() => markersOf(state, durationMs, nameOf), [state, durationMs, nameOf]);
  const rows = useMemo(() => rowsOf(lanes, markers), [lanes, markers]);
  useEffect(() => {
    const opening = openingLayout(state, durationMs);
    timeline.show({
      rows,
      markers,
      trim: trimOf(state, durationMs),
      opening: opening === null ? null : { name: LAYOUT_NAMES[opening.layout], endMs: opening.endMs },
    });
  }, [timeline, rows, markers, state, durationMs]);
  useEffect(() => timeline.show({ peaks }), [timeline, peaks]);
  useEffect(() => {
    const index = selection.kind === "event" ? state.timeline.indexOf(selection.event) : -1;
    timeline.show({ selected: index < 0 ? null : index });
  }, [timeline, selection, state]);
  useEffect(() => timeline.setDuration(durationMs), [timeline, durationMs]);
  return rows;
}

function useZoomCommands(timeline: TimelineView): void {
  const { engine, session } = useComposer();
  useEffect(
    () =>
      session.zoom.subscribe(() => {
        const wanted = session.zoom.get();
        const view = timeline.view.get();
        const playhead = toX(view, engine.transport.timeMs());
        const x = playhead >= 0 && playhead <= view.width ? playhead : view.width / 2;
        if (wanted?.by === "fit") timeline.fit();
        else timeline.zoom(wanted?.by === "in" ? ZOOM_STEP : 1 / ZOOM_STEP, x);
      }),
    [timeline, engine, session],
  );
}

/** Wheel: Ctrl zooms, Shift or a sideways wheel pans, else the lanes scroll as anything scrolls. */
function useWheel(timeline: TimelineView, surface: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const box = surface.current?.parentElement;
    if (box === null || box === undefined) return undefined;
    const onWheel = (event: WheelEvent) => {
      const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      if (!event.ctrlKey && !event.metaKey && !isSideways) return;
      event.preventDefault();
      const x = event.clientX - (surface.current?.getBoundingClientRect().left ?? 0);
      if (event.ctrlKey || event.metaKey) timeline.zoom(Math.exp(-event.deltaY / 300), x);
      else timeline.pan(event.deltaX === 0 ? event.deltaY : event.deltaX);
    };
    box.addEventListener("wheel", onWheel, { passive: false });
    return () => box.removeEventListener("wheel", onWheel);
  }, [timeline, surface]);
}

/** The line of the time now; moved by every frame while it plays. For the keyboard it is a slider. */
function Playhead({ timeline }: { readonly timeline: TimelineView }): ReactNode {
  const { engine, actions } = useComposer();
  const line = useRef<HTMLDivElement>(null);
  const { playing, timeMs } = useReadable(engine.transport.state);
  const durationMs = useDurationMs();
  const place = useEffectEvent(() => {
    const view = timeline.view.get();
    const x = toX(view, engine.transport.timeMs());
    if (line.current === null) return;
    line.current.style.transform = `translateX(${Math.round(x * 2) / 2}px)`;
    line.current.style.visibility = x < -8 || x > view.width + 8 ? "hidden" : "visible";
  });
  useEffect(() => timeline.view.subscribe(place), [timeline]);
  useEffect(() => {
    timeline.follow(timeMs, !playing);
    place();
  }, [timeline, timeMs, playing]);
  useEffect(() => {
    if (!playing) return undefined;
    let request = requestAnimationFrame(function next() {
      place();
      request = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(request);
  }, [playing]);
  return (
    <div
      ref={line}
      className="rc-playhead"
      role="slider"
      tabIndex={0}
      aria-label="Playhead"
      aria-valuemin={0}
      aria-valuemax={Math.round(durationMs)}
      aria-valuenow={Math.round(timeMs)}
      aria-valuetext={spokenTime(timeMs)}
      onKeyDown={(event) => {
        const by = event.key === "PageUp" ? 10_000 : event.key === "PageDown" ? -10_000 : 0;
        if (by !== 0) actions.seek(clampMs(timeline.view.get(), timeMs + by));
      }}
    />
  );
}

const HEAD_LABELS: Readonly<Record<string, string>> = { layout: "Layout", pin: "Pinned", text: "Texts" };

function HeadLabels({ rows }: { readonly rows: Rows }): ReactNode {
  return rows.head
    .filter((row) => row.id !== "ruler")
    .map((row) => (
      <span key={row.id} className="rc-timeline__head-label" style={{ top: row.y, height: row.h }}>
        {HEAD_LABELS[row.id]}
      </span>
    ));
}

/** Whose lane it is, and whether that peer is seen and heard. */
function LaneLabel({ row }: { readonly row: PeerRow }): ReactNode {
  const { actions, session } = useComposer();
  const state = useCompositionState();
  const nameOf = useNameOf();
  const frameMs = useFrameMs();
  const { peerId, hue } = row.lane;
  const name = nameOf(peerId);
  const isHidden = isHiddenAt(state, frameMs, peerId);
  const isMuted = isMutedAt(state, frameMs, peerId);
  const style: CSSProperties = { top: row.y, height: row.h, "--hue": hue };
  return (
    <div className="rc-lane" style={style}>
      <button
        type="button"
        className="rc-lane__name"
        title={name}
        onClick={() => {
          session.selectTile({ tile_id: `${peerId}/camera`, peer_id: peerId, source: "camera" });
          session.panel.set("people");
        }}
      >
        <i className="rc-dot" />
        <span>{name}</span>
      </button>
      <IconButton
        icon={isHidden ? "eyeOff" : "eye"}
        label={`${isHidden ? "Show" : "Hide"} ${name} from ${clock(actions.editTimeMs())} on`}
        pressed={isHidden}
        tip="none"
        onClick={() => actions.toggleHidden(peerId)}
      />
      <IconButton
        icon={isMuted ? "muted" : "sound"}
        label={`${isMuted ? "Unmute" : "Mute"} ${name} from ${clock(actions.editTimeMs())} on`}
        pressed={isMuted}
        tip="none"
        onClick={() => actions.toggleMuted(peerId)}
      />
      {row.screen !== null && (
        <span className="rc-lane__screen" style={{ top: row.screen.y - row.y, height: row.screen.h }}>
          <Icon name="screen" size={12} /> Screen
        </span>
      )}
    </div>
  );
}
