import { useState, type ReactNode } from "react";

import { trimOf } from "../composing";
import { useComposer, useCompositionState, useDurationMs, useReadable } from "../context";
import { IconButton } from "../controls/Button";
import { TextField } from "../controls/fields";
import { clock, parseClock, steadyClock } from "../format";
import { Icon } from "../icons";

/** Plays, pauses, steps; the time; trim; sound; the proof. */
export function TransportBar(): ReactNode {
  const { engine, actions, session } = useComposer();
  const { playing, buffering, rate } = useReadable(engine.transport.state);
  const proof = useReadable(session.proof);
  return (
    <div className="rc-transport" role="toolbar" aria-label="Playback">
      <div className="rc-transport__side">
        <TimeDisplay />
        {buffering && (
          <span className="rc-buffering" role="status">
            <i /> Buffering
          </span>
        )}
        {rate !== 1 && <span className="rc-chip rc-numbers">{rate}×</span>}
      </div>
      <div className="rc-transport__keys">
        <IconButton icon="toStart" label="To the start" shortcut="Home" onClick={() => actions.run("start")} />
        <IconButton
          icon="frameBack"
          label="One frame back"
          shortcut="ArrowLeft"
          onClick={() => actions.run("frameBack")}
        />
        <button
          type="button"
          className="rc-play"
          aria-label={playing ? "Pause" : "Play"}
          aria-keyshortcuts="Space"
          data-buffering={buffering}
          onClick={() => actions.run("play")}
        >
          <Icon name={playing ? "pause" : "play"} size={18} />
        </button>
        <IconButton
          icon="frameForward"
          label="One frame on"
          shortcut="ArrowRight"
          onClick={() => actions.run("frameForward")}
        />
        <IconButton icon="toEnd" label="To the end" shortcut="End" onClick={() => actions.run("end")} />
      </div>
      <div className="rc-transport__side rc-transport__side--end">
        <Trim />
        <Volume />
        <IconButton
          icon="proof"
          label="Proof: the export’s own picture"
          shortcut="F"
          pressed={proof !== "off"}
          onClick={() => actions.run("proof")}
        />
      </div>
    </div>
  );
}

function TimeDisplay(): ReactNode {
  const { engine, actions } = useComposer();
  const { timeMs } = useReadable(engine.transport.state);
  const durationMs = useDurationMs();
  const go = (text: string) => {
    const tMs = parseClock(text);
    if (tMs !== null) actions.seek(tMs);
  };
  return (
    <span className="rc-time">
      <TextField label="Time" value={steadyClock(timeMs, durationMs)} onCommit={go} className="rc-time__now" />
      <span className="rc-time__all">/ {clock(durationMs)}</span>
    </span>
  );
}

function Trim(): ReactNode {
  const { actions } = useComposer();
  const state = useCompositionState();
  const durationMs = useDurationMs();
  const { startMs, endMs } = trimOf(state, durationMs);
  const isTrimmed = startMs > 0 || endMs < durationMs;
  return (
    <div className="rc-trim" role="group" aria-label="Trim">
      <IconButton icon="trimIn" label="Export starts here" shortcut="I" onClick={() => actions.trimIn()} />
      <IconButton icon="trimOut" label="Export ends here" shortcut="O" onClick={() => actions.trimOut()} />
      {isTrimmed && (
        <button type="button" className="rc-chip rc-chip--trim rc-numbers" onClick={() => actions.clearTrim()}>
          {clock(startMs)} – {clock(endMs)}
          <Icon name="close" size={10} />
          <span className="rc-hidden">Export everything</span>
        </button>
      )}
    </div>
  );
}

function Volume(): ReactNode {
  const { engine } = useComposer();
  const [volume, setVolume] = useState(1);
  const set = (value: number) => {
    setVolume(value);
    engine.transport.setVolume(value);
  };
  return (
    <div className="rc-volume">
      <IconButton
        icon={volume === 0 ? "muted" : "sound"}
        label={volume === 0 ? "Sound on" : "Sound off"}
        pressed={volume === 0}
        onClick={() => set(volume === 0 ? 1 : 0)}
      />
      <input
        type="range"
        aria-label="Volume of this page"
        min={0}
        max={1}
        step={0.05}
        value={volume}
        style={{ "--share": volume }}
        onChange={(event) => set(Number(event.target.value))}
      />
    </div>
  );
}
