import type { ReactNode } from "react";

import { isHiddenAt, isMutedAt } from "../../composition/at";
import { trackOf } from "../../composition/defaults";
import { setLabel, setTrack, setVolume, toggleHidden, toggleMuted } from "../../composition/edits";
import { spanAt } from "../../plan/spans";
import { useComposer, useCompositionState, useFrameMs, useReadable } from "../context";
import { IconButton } from "../controls/Button";
import { Field, NumberField, Slider, Switch, TextField } from "../controls/fields";
import { clock, decibels } from "../format";
import { useLanes } from "../useLanes";
import type { PeerLane } from "../timeline/lanes";

/** Everybody who was there: what holds for the whole recording, and what holds from here on. */
export function PeoplePanel(): ReactNode {
  const lanes = useLanes();
  if (lanes.length === 0) return <p className="rc-hint rc-hint--empty">Nobody is known yet.</p>;
  return (
    <ul className="rc-people">
      {lanes.map((lane) => (
        <Person key={lane.peerId} lane={lane} />
      ))}
    </ul>
  );
}

function Person({ lane }: { readonly lane: PeerLane }): ReactNode {
  const { actions, session } = useComposer();
  const { peerId } = lane;
  const state = useCompositionState();
  const frameMs = useFrameMs();
  const selection = useReadable(session.selection);
  const track = trackOf(state, peerId);
  const isThere = spanAt(lane.presence, frameMs) !== null;
  const isHidden = isHiddenAt(state, frameMs, peerId);
  const isMuted = isMutedAt(state, frameMs, peerId);
  const isOpen = selection.kind === "tile" && selection.peerId === peerId;
  return (
    <li className="rc-person" data-there={isThere} data-open={isOpen}>
      <div className="rc-person__head">
        <i className="rc-dot" style={{ "--hue": lane.hue }} />
        <button
          type="button"
          className="rc-person__name"
          aria-expanded={isOpen}
          onClick={() =>
            isOpen
              ? session.deselect()
              : session.selectTile({ tile_id: `${peerId}/camera`, peer_id: peerId, source: "camera" })
          }
        >
          {track.label ?? lane.name}
          <small>{isThere ? "" : "not in the room now"}</small>
        </button>
        <IconButton
          icon={isHidden ? "eyeOff" : "eye"}
          label={`${isHidden ? "Show" : "Hide"} from ${clock(actions.editTimeMs())} on`}
          pressed={isHidden}
          onClick={() => actions.toggleHidden(peerId)}
        />
        <IconButton
          icon={isMuted ? "muted" : "sound"}
          label={`${isMuted ? "Unmute" : "Mute"} from ${clock(actions.editTimeMs())} on`}
          pressed={isMuted}
          onClick={() => actions.toggleMuted(peerId)}
        />
      </div>
      {isOpen && (
        <div className="rc-person__more">
          <Field label="Name on the label">
            {(id) => (
              <TextField
                id={id}
                value={track.label ?? lane.name}
                maxLength={200}
                onCommit={(text) => {
                  const label = text.trim() === lane.name ? "" : text;
                  actions.edit((known) => setLabel(known, peerId, label));
                }}
              />
            )}
          </Field>
          <Field label="Volume">
            {(id) => (
              <Slider
                id={id}
                value={track.volume_db}
                min={-24}
                max={12}
                step={0.5}
                told={decibels}
                onChange={(db) => actions.edit((known) => setVolume(known, peerId, db), `volume ${peerId}`)}
                onSettle={() => actions.settle()}
              />
            )}
          </Field>
          <Field label="Muted throughout">
            {(id) => (
              <Switch
                id={id}
                checked={track.muted}
                onChange={() => actions.edit((known) => toggleMuted(known, peerId))}
              />
            )}
          </Field>
          <Field label="Hidden throughout">
            {(id) => (
              <Switch
                id={id}
                checked={track.hidden}
                onChange={() => actions.edit((known) => toggleHidden(known, peerId))}
              />
            )}
          </Field>
          <Field label="Shift in time" hint="later, for a peer out of step">
            {(id) => (
              <NumberField
                id={id}
                value={track.nudge_ms}
                min={-5000}
                max={5000}
                suffix="ms"
                onCommit={(ms) => actions.edit((known) => setTrack(known, peerId, { nudge_ms: Math.round(ms) }))}
              />
            )}
          </Field>
        </div>
      )}
    </li>
  );
}
