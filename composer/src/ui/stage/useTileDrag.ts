/**
 * Moving and resizing a tile with the pointer. While it lasts the stage draws ahead of the plan; when the tile is let
 * go the state says so, and what was drawn stays until the plan that follows from it is there.
 */

import { useCallback, useEffect, useRef, useState, type PointerEvent } from "react";

import { styleOf } from "../../composition/defaults";
import { evenRect } from "../../plan/geometry";
import type { Rect, Size, Tile } from "../../plan/types";
import { useComposer } from "../context";
import { dragged, isMove, withAspect, type Grip } from "./dragging";
import { linesOf, snapped, type Guide, type Lines } from "./snapping";

/** How far a pointer moves before it drags; a finger is less steady than a mouse. */
const START_PX = { mouse: 3, other: 9 };
/** Within how many pixels of the screen a line attracts. */
const REACH_PX = 7;
/** A plan that does not come takes the draft with it. */
const PATIENCE_MS = 5_000;

export interface TileDrag {
  readonly tileId: string;
  readonly rect: Rect;
  readonly guides: readonly Guide[];
  /** Let go, and waiting for the plan. */
  readonly isDropped: boolean;
}

interface Held {
  readonly tile: Tile;
  readonly grip: Grip;
  readonly pointerId: number;
  readonly x: number;
  readonly y: number;
  readonly lines: Lines;
  /** Where it has been dragged to; null while it has not moved. React's state is a rendering behind. */
  rect: Rect | null;
}

export interface TileDragging {
  readonly drag: TileDrag | null;
  readonly begin: (event: PointerEvent<HTMLElement>, tile: Tile, grip: Grip) => void;
  readonly move: (event: PointerEvent<HTMLElement>) => void;
  readonly end: (event: PointerEvent<HTMLElement>) => void;
  readonly cancel: () => void;
}

/** `scale`: pixels of the screen for one of the canvas. */
export function useTileDrag(canvas: Size, scale: number, tiles: readonly Tile[]): TileDragging {
  const { engine, actions } = useComposer();
  const [drag, setDrag] = useState<TileDrag | null>(null);
  const held = useRef<Held | null>(null);
  const drawAhead = useCallback(
    (next: TileDrag | null) => {
      setDrag(next);
      const { tileId, rect } = next ?? {};
      engine.stage.setDraft(tileId === undefined || rect === undefined ? null : new Map([[tileId, even(rect)]]));
    },
    [engine],
  );
  useSettling(drag, drawAhead);

  const begin = (event: PointerEvent<HTMLElement>, tile: Tile, grip: Grip) => {
    if (event.button !== 0 || held.current !== null) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const others = tiles.filter((other) => other.tile_id !== tile.tile_id && !covers(other, canvas));
    const gap = (styleOf(engine.document.state.get()).gap * Math.min(canvas.w, canvas.h)) / 1080;
    const lines = linesOf(
      canvas,
      gap,
      others.map((other) => other.rect),
    );
    const { pointerId, clientX: x, clientY: y } = event;
    held.current = { tile, grip, pointerId, x, y, lines, rect: null };
  };

  const move = (event: PointerEvent<HTMLElement>) => {
    const now = held.current;
    if (now?.pointerId !== event.pointerId) return;
    const [dx, dy] = [event.clientX - now.x, event.clientY - now.y];
    const startPx = event.pointerType === "mouse" ? START_PX.mouse : START_PX.other;
    if (now.rect === null && Math.hypot(dx, dy) < startPx) return;
    if (engine.transport.state.get().playing) engine.transport.pause();
    const keeps = event.shiftKey;
    const free = dragged(now.tile.rect, now.grip, dx / scale, dy / scale, canvas);
    const shaped = keeps ? withAspect(free, now.tile.rect, now.grip, canvas) : free;
    const isFree = event.ctrlKey || event.metaKey || (keeps && !isMove(now.grip));
    const { rect, guides } = isFree
      ? { rect: shaped, guides: [] }
      : snapped(shaped, now.grip, now.lines, REACH_PX / scale);
    now.rect = rect;
    drawAhead({ tileId: now.tile.tile_id, rect, guides, isDropped: false });
  };

  const end = (event: PointerEvent<HTMLElement>) => {
    const now = held.current;
    if (now?.pointerId !== event.pointerId) return;
    held.current = null;
    const { tile, rect } = now;
    if (rect === null) return;
    const before = engine.document.state.get();
    actions.moveTile(tile, rect);
    const changed = engine.document.state.get() !== before;
    drawAhead(changed ? { tileId: tile.tile_id, rect, guides: [], isDropped: true } : null);
  };

  const cancel = () => {
    held.current = null;
    drawAhead(null);
  };

  return { drag, begin, move, end, cancel };
}

/** Takes the draft away when the plan of the newest state is there. */
function useSettling(drag: TileDrag | null, drawAhead: (next: null) => void): void {
  const { engine } = useComposer();
  const isDropped = drag?.isDropped ?? false;
  useEffect(() => {
    if (!isDropped) return;
    const settle = () => {
      if (!engine.plan.get().fetching) drawAhead(null);
    };
    const timer = setTimeout(() => drawAhead(null), PATIENCE_MS);
    const unsubscribe = engine.plan.subscribe(settle);
    settle();
    return () => {
      clearTimeout(timer);
      unsubscribe();
    };
  }, [isDropped, engine, drawAhead]);
}

function even(rect: Rect): Rect {
  return evenRect(rect.x, rect.y, rect.w, rect.h);
}

function covers({ rect }: Tile, canvas: Size): boolean {
  return rect.w >= canvas.w && rect.h >= canvas.h;
}
