import { useRef, useState, type ReactNode } from "react";

import { isMutedAt, placedAt, textOfTile } from "../../composition/at";
import { styleOf, trackOf } from "../../composition/defaults";
import { setStyle, setVolume } from "../../composition/edits";
import type { FitName } from "../../composition/types";
import type { Rect, Size } from "../../plan/types";
import { useComposer, useCompositionState, useFrameMs } from "../context";
import { IconButton } from "../controls/Button";
import { Segmented, Slider } from "../controls/fields";
import { decibels } from "../format";
import { Icon } from "../icons";
import { useFocusKept } from "../useFocusKept";
import { barPlace } from "./barPlace";
import type { TileFacts } from "./tiles";

interface ContextBarProps {
  readonly facts: TileFacts;
  /** The other tiles: the bar keeps off them where it can. */
  readonly others: readonly Rect[];
  readonly canvas: Size;
  readonly scale: number;
}

/** What can be done with the selected tile, beside it. */
export function ContextBar({ facts, others, canvas, scale }: ContextBarProps): ReactNode {
  const { left, top } = barPlace(facts.tile.rect, others, canvas, scale);
  const box = useRef<HTMLDivElement>(null);
  useFocusKept(box);
  return (
    <div ref={box} className="rc-context" style={{ top, left }}>
      <div className="rc-context__bar" role="toolbar" aria-label={facts.name}>
        {facts.peerId !== null && <PeerTools facts={facts} peerId={facts.peerId} />}
        {facts.tile.kind === "text" && <TextTools facts={facts} />}
        {facts.tile.kind === "image" && <ImageTools />}
      </div>
    </div>
  );
}

function PeerTools({ facts, peerId }: { readonly facts: TileFacts; readonly peerId: string }): ReactNode {
  const { actions } = useComposer();
  const [popover, setPopover] = useState<"volume" | "fit" | null>(null);
  const state = useCompositionState();
  const tMs = useFrameMs();
  const { source, isPinned, isPlaced } = facts;
  const tile = { peerId, source };
  const isMuted = isMutedAt(state, tMs, peerId);
  const toggle = (name: "volume" | "fit") => setPopover(popover === name ? null : name);
  return (
    <>
      <button
        type="button"
        className="rc-context__pin"
        aria-pressed={isPinned}
        aria-keyshortcuts="P"
        onClick={() => actions.togglePin(tile)}
      >
        <Icon name="pin" />
        {isPinned ? "Unpin" : "Pin"}
      </button>
      <IconButton icon="eyeOff" label="Hide from here on" shortcut="H" onClick={() => actions.toggleHidden(peerId)} />
      <IconButton
        icon={isMuted ? "muted" : "sound"}
        label={isMuted ? "Unmute from here on" : "Mute from here on"}
        shortcut="M"
        pressed={isMuted}
        onClick={() => actions.toggleMuted(peerId)}
      />
      <IconButton icon="style" label="Volume" aria-expanded={popover === "volume"} onClick={() => toggle("volume")} />
      {isPlaced && (
        <>
          <i className="rc-context__rule" />
          <IconButton icon="fit" label="Fit" aria-expanded={popover === "fit"} onClick={() => toggle("fit")} />
          <IconButton icon="front" label="Bring to front" onClick={() => actions.bringToFront(tile)} />
          <IconButton
            icon="release"
            label="Back into the layout"
            shortcut="Delete"
            onClick={() => actions.release(tile)}
          />
        </>
      )}
      {popover === "volume" && <VolumePopover peerId={peerId} />}
      {popover === "fit" && <FitPopover facts={facts} peerId={peerId} />}
    </>
  );
}

function VolumePopover({ peerId }: { readonly peerId: string }): ReactNode {
  const { actions } = useComposer();
  const { volume_db: volume } = trackOf(useCompositionState(), peerId);
  return (
    <div className="rc-context__popover">
      <span className="rc-context__title">Volume, whole recording</span>
      <Slider
        label="Volume"
        value={volume}
        min={-24}
        max={12}
        step={0.5}
        told={decibels}
        onChange={(db) => actions.edit((state) => setVolume(state, peerId, db), `volume ${peerId}`)}
        onSettle={() => actions.settle()}
      />
    </div>
  );
}

const FITS: readonly { value: FitName; text: string; title: string }[] = [
  { value: "auto", text: "Auto", title: "Fill, unless too much would be cut off" },
  { value: "cover", text: "Cover", title: "Fill the tile, cut off what is over" },
  { value: "contain", text: "Contain", title: "Show everything, with bars" },
  { value: "fill", text: "Stretch", title: "Fill the tile, whatever the proportions" },
];

function FitPopover({ facts, peerId }: { readonly facts: TileFacts; readonly peerId: string }): ReactNode {
  const { actions } = useComposer();
  const { source } = facts;
  const placed = placedAt(useCompositionState(), actions.editTimeMs(), peerId, source);
  return (
    <div className="rc-context__popover">
      <Segmented
        label="Fit"
        value={placed?.fit ?? facts.tile.fit}
        options={FITS}
        onChange={(fit) => actions.setFit({ peerId, source }, fit)}
      />
    </div>
  );
}

function TextTools({ facts }: { readonly facts: TileFacts }): ReactNode {
  const { actions, session } = useComposer();
  const found = textOfTile(useCompositionState(), facts.tile.tile_id);
  if (found === null) return null;
  return (
    <>
      <button type="button" className="rc-context__pin" onClick={() => session.selectEvent(found.event)}>
        <Icon name="text" />
        Edit
      </button>
      <IconButton icon="trash" label="Remove" shortcut="Delete" onClick={() => actions.removeEvent(found.event)} />
    </>
  );
}

function ImageTools(): ReactNode {
  const { actions } = useComposer();
  const { image } = styleOf(useCompositionState());
  if (image === null) return null;
  return (
    <>
      <Slider
        label="Opacity"
        value={image.opacity ?? 1}
        min={0}
        max={1}
        step={0.05}
        told={(share) => `${Math.round(share * 100)} %`}
        onChange={(opacity) => actions.edit((state) => setStyle(state, { image: { ...image, opacity } }), "opacity")}
        onSettle={() => actions.settle()}
      />
      <IconButton
        icon="trash"
        label="Remove the image"
        shortcut="Delete"
        onClick={() => actions.edit((state) => setStyle(state, { image: null }))}
      />
    </>
  );
}
