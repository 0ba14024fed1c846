import { useEffect, useState, type ReactNode } from "react";

import type { ExportRequest, Preset } from "../../api/types";
import { exportOf } from "../../composition/defaults";
import { trimOf } from "../composing";
import { useComposer, useCompositionState, useDurationMs, useReadable } from "../context";
import { Button } from "../controls/Button";
import { Dialog } from "../controls/Dialog";
import { Segmented, TextField } from "../controls/fields";
import { wordsFor } from "../failures";
import { clock, parseClock } from "../format";
import { named } from "../inspector/resolutions";
import { isRunning } from "../jobs";
import { Earlier } from "./Earlier";
import { Estimate } from "./Estimate";
import { Outcome } from "./Outcome";

const PRESETS: readonly { readonly value: Preset; readonly text: string; readonly says: string }[] = [
  { value: "draft", text: "Draft", says: "Quick and small, to look things over." },
  { value: "standard", text: "Standard", says: "For sharing: good pictures, moderate size." },
  { value: "high", text: "High", says: "For keeping: the best pictures, the largest file." },
];

type RangeChoice = "trim" | "own";

/** What to export and how; how far it has come; what was exported before. */
export function ExportDialog(): ReactNode {
  const { session, exporting } = useComposer();
  const reading = useReadable(exporting.job.reading);
  useEffect(() => exporting.attend(), [exporting]);
  return (
    <Dialog title="Export" size="medium" onClose={() => session.dialog.set(null)}>
      {reading === null ? <Form /> : <Outcome reading={reading} />}
      {!isRunning(reading) && <Earlier />}
    </Dialog>
  );
}

function Form(): ReactNode {
  const { engine, exporting, session } = useComposer();
  const state = useCompositionState();
  const durationMs = useDurationMs();
  const trim = trimOf(state, durationMs);
  const preset = useReadable(session.preset);
  const format = useReadable(session.format);
  const [choice, setChoice] = useState<RangeChoice>("trim");
  const [own, setOwn] = useState(trim);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const range = choice === "trim" ? trim : own;
  const { resolution, fps } = exportOf(state);

  const begin = async () => {
    setBusy(true);
    setError(null);
    try {
      await saved(engine.document);
      const wanted: ExportRequest = { composition_id: "latest", preset, format, ...rangeOf(choice, own, durationMs) };
      await exporting.ask(wanted, engine.document.state.get());
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };

  return (
    <form
      className="rc-export"
      onSubmit={(event) => {
        event.preventDefault();
        void begin();
      }}
    >
      <fieldset disabled={isBusy}>
        <legend>Quality</legend>
        <div className="rc-cards" role="radiogroup" aria-label="Quality">
          {PRESETS.map(({ value, text, says }) => (
            <label key={value} className="rc-card">
              <input
                type="radio"
                name="preset"
                value={value}
                checked={preset === value}
                onChange={() => session.preset.set(value)}
              />
              <strong>{text}</strong>
              <span>{says}</span>
            </label>
          ))}
        </div>
        <div className="rc-export__row">
          <span>Format</span>
          <Segmented
            label="Format"
            value={format}
            options={[
              { value: "mp4", text: "Video · MP4" },
              { value: "m4a", text: "Sound alone · M4A" },
            ]}
            onChange={(wanted) => session.format.set(wanted)}
          />
        </div>
        <div className="rc-export__row">
          <span>Range</span>
          <Segmented
            label="Range"
            value={choice}
            options={[
              { value: "trim", text: isWhole(trim, durationMs) ? "Everything" : "As trimmed" },
              { value: "own", text: "A part" },
            ]}
            onChange={setChoice}
          />
          {choice === "own" && <OwnRange range={own} durationMs={durationMs} onChange={setOwn} />}
        </div>
      </fieldset>
      <dl className="rc-facts">
        <div>
          <dt>Picture</dt>
          <dd>{format === "m4a" ? "none" : `${named(resolution)}, ${fps} fps`}</dd>
        </div>
        <div>
          <dt>Length</dt>
          <dd className="rc-numbers">{clock(range.endMs - range.startMs)}</dd>
        </div>
        <Estimate state={state} preset={preset} format={format} range={range} />
      </dl>
      {error !== null && <Problem error={error} />}
      <div className="rc-export__go">
        <Button look="primary" type="submit" icon="exportOut" disabled={isBusy || range.endMs <= range.startMs}>
          {isBusy ? "Starting…" : "Start export"}
        </Button>
      </div>
    </form>
  );
}

interface Range {
  readonly startMs: number;
  readonly endMs: number;
}

interface OwnRangeProps {
  readonly range: Range;
  readonly durationMs: number;
  readonly onChange: (range: Range) => void;
}

function OwnRange({ range, durationMs, onChange }: OwnRangeProps): ReactNode {
  const commit = (side: keyof Range) => (text: string) => {
    const tMs = parseClock(text);
    if (tMs !== null) onChange({ ...range, [side]: Math.min(durationMs, tMs) });
    return tMs !== null;
  };
  return (
    <span className="rc-range">
      <TextField label="From" value={clock(range.startMs)} onCommit={commit("startMs")} className="rc-time-field" />
      <span>to</span>
      <TextField label="To" value={clock(range.endMs)} onCommit={commit("endMs")} className="rc-time-field" />
    </span>
  );
}

function Problem({ error }: { readonly error: unknown }): ReactNode {
  const { title, remedy } = wordsFor(error);
  return (
    <p className="rc-problem" role="alert">
      <strong>{title}</strong> {remedy}
    </p>
  );
}

function isWhole({ startMs, endMs }: Range, durationMs: number): boolean {
  return startMs <= 0 && endMs >= durationMs;
}

function rangeOf(choice: RangeChoice, { startMs, endMs }: Range, durationMs: number): Pick<ExportRequest, "range"> {
  if (choice === "trim") return {};
  return { range: { start_ms: Math.round(startMs), end_ms: endMs >= durationMs ? null : Math.round(endMs) } };
}

interface Savable {
  readonly flush: () => Promise<void>;
}

/** What is exported is what is saved. */
async function saved(document: Savable): Promise<void> {
  await document.flush();
}
