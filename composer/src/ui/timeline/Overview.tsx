import { useRef, type PointerEvent, type ReactNode } from "react";

import { useReadable } from "../context";
import type { TimelineView } from "./TimelineView";
import { endMs, panned, showing } from "./viewport";

/** The whole recording as a bar, and the part in view as a handle to pull and to stretch. */
export function Overview({ timeline }: { readonly timeline: TimelineView }): ReactNode {
  const view = useReadable(timeline.view);
  const bar = useRef<HTMLDivElement>(null);
  const held = useRef<{ readonly x: number; readonly from: number; readonly to: number; readonly side: string } | null>(
    null,
  );
  const { durationMs } = view;
  const from = Math.max(0, view.startMs);
  const to = Math.min(durationMs, endMs(view));
  const percent = (ms: number) => `${durationMs === 0 ? 0 : (100 * ms) / durationMs}%`;
  const begin = (event: PointerEvent<HTMLElement>, side: string) => {
    event.stopPropagation();
    bar.current?.setPointerCapture(event.pointerId);
    held.current = { x: event.clientX, from, to, side };
  };
  const move = (event: PointerEvent<HTMLElement>) => {
    const now = held.current;
    if (now === null || bar.current === null) return;
    const by = ((event.clientX - now.x) * durationMs) / bar.current.clientWidth;
    const current = timeline.view.get();
    if (now.side === "body") {
      timeline.setView(panned(current, (now.from + by - Math.max(0, current.startMs)) / current.msPerPx));
    } else if (now.side === "left") {
      timeline.setView(showing(current, Math.max(0, Math.min(now.to - 200, now.from + by)), now.to));
    } else {
      timeline.setView(showing(current, now.from, Math.min(durationMs, Math.max(now.from + 200, now.to + by))));
    }
  };
  return (
    <div
      ref={bar}
      className="rc-overview"
      aria-hidden="true"
      onPointerMove={move}
      onPointerUp={() => (held.current = null)}
      onPointerCancel={() => (held.current = null)}
    >
      <div
        className="rc-overview__view"
        style={{ left: percent(from), width: percent(Math.max(0, to - from)) }}
        onPointerDown={(event) => begin(event, "body")}
      >
        <i data-side="left" onPointerDown={(event) => begin(event, "left")} />
        <i data-side="right" onPointerDown={(event) => begin(event, "right")} />
      </div>
    </div>
  );
}
