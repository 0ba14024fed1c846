import { useMemo, type ReactNode } from "react";

import { layoutAt, placedAt } from "../../composition/at";
import { exportOf, styleOf } from "../../composition/defaults";
import { setExport, setStyle } from "../../composition/edits";
import type { LayoutName } from "../../composition/types";
import type { Rect, Tile } from "../../plan/types";
import { LAYOUTS } from "../actions";
import {
  useComposer,
  useCompositionState,
  useDurationMs,
  useFrameMs,
  useMoment,
  useNameOf,
  useReadable,
} from "../context";
import { Button } from "../controls/Button";
import { Field, NumberField, Segmented, Select } from "../controls/fields";
import { clock } from "../format";
import { peerColour } from "../hues";
import { nameOfTile } from "../stage/tiles";
import { LAYOUT_NAMES } from "../timeline/markers";
import { useLanes } from "../useLanes";
import { FRAME_RATES, qualitiesOf, qualityOf, resolutionOf, SHAPES, shapeOf, type Shape } from "./resolutions";
import { useLayoutPictures, type LayoutPicture } from "./useLayoutPictures";

/** Which layout holds from here on, what shape the picture has, and where the selected tile stands. */
export function LayoutPanel(): ReactNode {
  return (
    <>
      <Palette />
      <Placing />
      <Canvas />
    </>
  );
}

function Palette(): ReactNode {
  const { actions } = useComposer();
  const state = useCompositionState();
  const frameMs = useFrameMs();
  const pictures = useLayoutPictures();
  const lanes = useLanes();
  const hues = useMemo(() => new Map(lanes.map((lane) => [lane.peerId, lane.hue])), [lanes]);
  const current = layoutAt(state, frameMs + 1);
  return (
    <section className="rc-section" aria-label="Layout">
      <h3>
        Layout <small className="rc-numbers">from {clock(actions.editTimeMs())}</small>
      </h3>
      <div className="rc-palette" role="group" aria-label="Layouts">
        {LAYOUTS.map((layout, i) => (
          <button
            key={layout}
            type="button"
            className="rc-palette__item"
            aria-pressed={current === layout}
            aria-keyshortcuts={String(i + 1)}
            onClick={() => actions.setLayout(layout)}
          >
            <Picture picture={pictures.get(layout) ?? null} hues={hues} />
            <span>{SHORT_NAMES[layout] ?? LAYOUT_NAMES[layout]}</span>
          </button>
        ))}
      </div>
    </section>
  );
}

const SHORT_NAMES: Partial<Record<LayoutName, string>> = { pip: "Pic in pic" };

interface PictureProps {
  readonly picture: LayoutPicture | null;
  readonly hues: ReadonlyMap<string, number>;
}

/** A layout in small: the very rectangles that the server gave, each in its peer's colour. */
function Picture({ picture, hues }: PictureProps): ReactNode {
  if (picture === null) return <svg className="rc-palette__picture" viewBox="0 0 160 90" aria-hidden="true" />;
  const { w, h } = picture.canvas;
  return (
    <svg className="rc-palette__picture" viewBox={`0 0 ${w} ${h}`} aria-hidden="true">
      <rect width={w} height={h} fill={picture.scene.background} />
      {[...picture.scene.tiles]
        .sort((a, b) => a.z - b.z)
        .filter((tile) => tile.peer_id !== null)
        .map((tile) => (
          <Miniature key={tile.tile_id} tile={tile} hue={hues.get(tile.peer_id ?? "") ?? 250} short={Math.min(w, h)} />
        ))}
    </svg>
  );
}

function Miniature({
  tile,
  hue,
  short,
}: {
  readonly tile: Tile;
  readonly hue: number;
  readonly short: number;
}): ReactNode {
  const { x, y, w, h } = tile.rect;
  const isScreen = tile.source === "screenshare";
  const gap = short / 120;
  const inside = { x: x + gap, y: y + gap, width: Math.max(1, w - 2 * gap), height: Math.max(1, h - 2 * gap) };
  const head = Math.min(w, h) * 0.18;
  return (
    <g>
      <rect {...inside} rx={short / 40} fill={isScreen ? "#3a4350" : peerColour(hue, 0.46, 0.075)} />
      {isScreen ? (
        <path
          d={`M${x + w * 0.2} ${y + h * 0.3}h${w * 0.6}M${x + w * 0.2} ${y + h * 0.5}h${w * 0.45}M${x + w * 0.2} ${y + h * 0.7}h${w * 0.3}`}
          stroke="#8b96a5"
          strokeWidth={Math.max(short / 40, h / 22)}
        />
      ) : (
        <path
          fill={peerColour(hue, 0.78, 0.07)}
          d={`M${x + w / 2 - head} ${y + h * 0.4}a${head} ${head} 0 1 0 ${2 * head} 0a${head} ${head} 0 1 0 ${-2 * head} 0ZM${x + w / 2 - head * 1.7} ${y + h - gap}a${head * 1.7} ${h * 0.6 - head * 1.15} 0 0 1 ${head * 3.4} 0Z`}
        />
      )}
    </g>
  );
}

/** The selected tile's place in numbers: what the pointer does, for those who do without. */
function Placing(): ReactNode {
  const { engine, session, actions } = useComposer();
  const selection = useReadable(session.selection);
  const state = useCompositionState();
  const moment = useMoment();
  const nameOf = useNameOf();
  const canvas = useReadable(engine.plan).plan?.canvas;
  if (selection.kind !== "tile" || canvas === undefined) return null;
  const tile = moment?.tiles.find(({ tile_id: id }) => id === selection.tileId);
  if (tile === undefined) return null;
  const { peerId, source } = selection;
  const isPlaced = peerId !== null && placedAt(state, actions.editTimeMs(), peerId, source ?? "camera") !== null;
  const change = (side: keyof Rect, value: number) =>
    actions.moveTile(tile, kept({ ...tile.rect, [side]: value }, canvas));
  return (
    <section className="rc-section" aria-label="Selected tile">
      <h3>{nameOfTile(tile, nameOf)}</h3>
      <div className="rc-quad">
        {SIDES.map(({ side, label }) => (
          <label key={side} className="rc-quad__side">
            <span aria-hidden="true">{side.toUpperCase()}</span>
            <NumberField
              label={label}
              value={tile.rect[side]}
              min={0}
              max={side === "x" || side === "w" ? canvas.w : canvas.h}
              onCommit={(value) => change(side, value)}
            />
          </label>
        ))}
      </div>
      {isPlaced && (
        <Button icon="release" onClick={() => actions.release({ peerId, source: source ?? "camera" })}>
          Back into the layout
        </Button>
      )}
    </section>
  );
}

const SIDES: readonly { side: keyof Rect; label: string }[] = [
  { side: "x", label: "Left edge in pixels" },
  { side: "y", label: "Top edge in pixels" },
  { side: "w", label: "Width in pixels" },
  { side: "h", label: "Height in pixels" },
];

function kept(rect: Rect, canvas: { w: number; h: number }): Rect {
  const w = Math.min(canvas.w, Math.max(16, rect.w));
  const h = Math.min(canvas.h, Math.max(16, rect.h));
  return { w, h, x: Math.min(rect.x, canvas.w - w), y: Math.min(rect.y, canvas.h - h) };
}

function Canvas(): ReactNode {
  const { actions } = useComposer();
  const state = useCompositionState();
  const durationMs = useDurationMs();
  const { resolution, fps } = exportOf(state);
  const shape = shapeOf(resolution);
  const { transition_ms: transitionMs } = styleOf(state);
  const change = (to: string) => actions.edit((known) => setExport(known, { resolution: to }));
  return (
    <section className="rc-section" aria-label="Picture">
      <h3>Picture</h3>
      <Segmented
        label="Shape"
        value={shape ?? "other"}
        options={SHAPES}
        onChange={(wanted) => change(resolutionOf(wanted as Shape, qualityOf(resolution) ?? 1080))}
      />
      <Field label="Resolution">
        {(id) => <Select id={id} value={resolution} options={qualitiesOf(shape, resolution)} onChange={change} />}
      </Field>
      <Field label="Frames a second">
        {(id) => (
          <Select
            id={id}
            value={String(fps)}
            options={ratesWith(fps)}
            onChange={(rate) => actions.edit((known) => setExport(known, { fps: Number(rate) }))}
          />
        )}
      </Field>
      <Field label="Transitions">
        {(id) => (
          <Select
            id={id}
            value={String(transitionMs)}
            options={transitionsWith(transitionMs)}
            onChange={(ms) => actions.edit((known) => setStyle(known, { transition_ms: Number(ms) }))}
          />
        )}
      </Field>
      <p className="rc-hint">Recording: {clock(durationMs, 0)}</p>
    </section>
  );
}

function ratesWith(fps: number) {
  return withOwn(FRAME_RATES, fps).map((rate) => ({ value: String(rate), text: `${rate} fps` }));
}

function transitionsWith(ms: number) {
  return withOwn([0, 200, 300, 500, 800], ms).map((length) => ({
    value: String(length),
    text: length === 0 ? "Cuts" : `${length} ms`,
  }));
}

function withOwn(choices: readonly number[], own: number): readonly number[] {
  return choices.includes(own) ? choices : [...choices, own].sort((a, b) => a - b);
}
