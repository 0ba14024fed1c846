import { memo, useRef, type KeyboardEvent, type ReactNode } from "react";

import { textOfTile } from "../../composition/at";
import type { Rect, Size, Tile } from "../../plan/types";
import { useComposer, useCompositionState, useNameOf, useReadable } from "../context";
import { Icon } from "../icons";
import { useFocusKept } from "../useFocusKept";
import { ContextBar } from "./ContextBar";
import { GRIPS, MOVE } from "./dragging";
import type { Guide } from "./snapping";
import { factsOf, spokenTile, type TileFacts } from "./tiles";
import { useTileDrag, type TileDragging } from "./useTileDrag";

interface TileLayerProps {
  readonly tiles: readonly Tile[];
  readonly canvas: Size;
  /** Pixels of the screen for one of the canvas. */
  readonly scale: number;
  readonly tMs: number;
}

/** What can be grasped of the stage: a button over each tile, handles around the selected one, guides while it moves. */
export const TileLayer = memo(function TileLayer({ tiles, canvas, scale, tMs }: TileLayerProps): ReactNode {
  const { session } = useComposer();
  const state = useCompositionState();
  const nameOf = useNameOf();
  const selection = useReadable(session.selection);
  const dragging = useTileDrag(canvas, scale, tiles);
  const { drag } = dragging;
  const selectedId = selection.kind === "tile" ? selection.tileId : null;
  const shown = tiles.map((tile) => (drag?.tileId === tile.tile_id ? { ...tile, rect: drag.rect } : tile));
  const facts = shown.map((tile) => factsOf(tile, state, tMs, nameOf));
  const selected = facts.find(({ tile }) => tile.tile_id === selectedId);
  return (
    <div className="rc-tiles" data-dragging={drag !== null && !drag.isDropped}>
      {facts.map((fact, i) => (
        <TileButton
          key={fact.tile.tile_id}
          facts={fact}
          original={tiles[i] ?? fact.tile}
          isSelected={fact.tile.tile_id === selectedId}
          scale={scale}
          dragging={dragging}
        />
      ))}
      {selected !== undefined && (
        <Handles
          rect={selected.tile.rect}
          tile={tiles.find((tile) => tile.tile_id === selectedId) ?? selected.tile}
          scale={scale}
          dragging={dragging}
        />
      )}
      {drag?.guides.map((guide) => (
        <GuideLine key={`${guide.axis}${guide.line.at}`} guide={guide} scale={scale} />
      ))}
      {selected !== undefined && (drag === null || drag.isDropped) && (
        <ContextBar
          facts={selected}
          others={shown.filter((tile) => tile.tile_id !== selectedId).map((tile) => tile.rect)}
          canvas={canvas}
          scale={scale}
        />
      )}
    </div>
  );
});

interface TileButtonProps {
  readonly facts: TileFacts;
  /** The tile as the plan has it: where a drag begins. */
  readonly original: Tile;
  readonly isSelected: boolean;
  readonly scale: number;
  readonly dragging: TileDragging;
}

function TileButton({ facts, original, isSelected, scale, dragging }: TileButtonProps): ReactNode {
  const { session, actions, engine } = useComposer();
  const { tile, peerId, source } = facts;
  const button = useRef<HTMLButtonElement>(null);
  useFocusKept(button);
  const open = () => {
    if (peerId !== null) actions.togglePin({ peerId, source });
    const text = textOfTile(engine.document.state.get(), tile.tile_id);
    if (text !== null) session.selectEvent(text.event);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") open();
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      event.stopPropagation();
      session.selectTile(tile);
    }
  };
  return (
    <button
      ref={button}
      type="button"
      className="rc-tile"
      style={boxOf(tile.rect, scale)}
      aria-label={spokenTile(facts)}
      aria-pressed={isSelected}
      data-tile={tile.tile_id}
      data-kind={tile.kind}
      onPointerDown={(event) => {
        session.selectTile(tile);
        dragging.begin(event, original, MOVE);
      }}
      onPointerMove={dragging.move}
      onPointerUp={dragging.end}
      onPointerCancel={dragging.cancel}
      onDoubleClick={open}
      onKeyDown={onKeyDown}
    >
      {facts.isPinned && (
        <span className="rc-tile__badge">
          <Icon name="pin" size={14} />
        </span>
      )}
    </button>
  );
}

interface HandlesProps {
  readonly rect: Rect;
  readonly tile: Tile;
  readonly scale: number;
  readonly dragging: TileDragging;
}

function Handles({ rect, tile, scale, dragging }: HandlesProps): ReactNode {
  return (
    <div className="rc-handles" style={boxOf(rect, scale)} aria-hidden="true">
      {GRIPS.map((grip) => (
        <span
          key={`${grip.x},${grip.y}`}
          className="rc-handle"
          data-grip={`${grip.x},${grip.y}`}
          style={{ left: `${50 + 50 * grip.x}%`, top: `${50 + 50 * grip.y}%` }}
          onPointerDown={(event) => dragging.begin(event, tile, grip)}
          onPointerMove={dragging.move}
          onPointerUp={dragging.end}
          onPointerCancel={dragging.cancel}
        />
      ))}
    </div>
  );
}

function GuideLine({ guide, scale }: { readonly guide: Guide; readonly scale: number }): ReactNode {
  const { at, from, to, kind } = guide.line;
  const [a, b, c] = [at * scale, from * scale, (to - from) * scale];
  const style = guide.axis === "x" ? { left: a, top: b, height: c } : { left: b, top: a, width: c };
  return <i className="rc-guide" data-axis={guide.axis} data-kind={kind} style={style} />;
}

function boxOf(rect: Rect, scale: number) {
  return { left: rect.x * scale, top: rect.y * scale, width: rect.w * scale, height: rect.h * scale };
}
