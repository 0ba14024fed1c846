import { useEffect, useState, type ReactNode } from "react";

import type { ExportFormat, Forecast, Preset } from "../../api/types";
import type { CompositionState } from "../../composition/types";
import { useComposer } from "../context";
import { aboutDuration, clock, plural } from "../format";

const REST_MS = 200;

interface EstimateProps {
  readonly state: CompositionState;
  readonly preset: Preset;
  readonly format: ExportFormat;
  readonly range: { readonly startMs: number; readonly endMs: number };
}

/** What of the export has to be rendered, and about how long that takes. */
export function Estimate({ state, preset, format, range }: EstimateProps): ReactNode {
  const forecast = useForecast({ state, preset, format, range });
  return (
    <>
      <div>
        <dt>To render</dt>
        <dd aria-live="polite">
          {forecast === null ? "…" : forecast === "unknown" ? "not known" : toRender(forecast)}
        </dd>
      </div>
      <div>
        <dt>Takes about</dt>
        <dd aria-live="polite">
          {forecast === null || forecast === "unknown" ? "…" : aboutDuration(forecast.seconds)}
        </dd>
      </div>
      {forecast !== null && forecast !== "unknown" && <Strip forecast={forecast} range={range} />}
    </>
  );
}

function toRender({ chunks, spans_ms: spans }: Forecast): string {
  if (chunks.total === chunks.cached) return "nothing: all of it was rendered before";
  const lengthMs = spans.reduce((sum, [start, end]) => sum + end - start, 0);
  if (chunks.cached === 0) return `everything, ${clock(lengthMs, 0)}`;
  return `${clock(lengthMs, 0)} of it; ${plural(chunks.cached, "part")} of ${chunks.total} are there already`;
}

/** Where along the export something has to be rendered. */
function Strip({
  forecast,
  range,
}: {
  readonly forecast: Forecast;
  readonly range: EstimateProps["range"];
}): ReactNode {
  const length = Math.max(1, range.endMs - range.startMs);
  const share = (ms: number) => Math.min(100, Math.max(0, (100 * (ms - range.startMs)) / length));
  return (
    <div className="rc-strip" aria-hidden="true">
      {forecast.spans_ms.map(([start, end]) => (
        <i key={start} style={{ left: `${share(start)}%`, width: `${share(end) - share(start)}%` }} />
      ))}
    </div>
  );
}

/** null while it is being asked for. */
function useForecast({ state, preset, format, range }: EstimateProps): Forecast | "unknown" | null {
  const { engine } = useComposer();
  const { startMs, endMs } = range;
  const [found, setFound] = useState<{ readonly for: string; readonly forecast: Forecast | "unknown" } | null>(null);
  const asked = JSON.stringify([state, preset, format, startMs, endMs]);
  useEffect(() => {
    const abort = new AbortController();
    const wanted = { ...state, export: { ...state.export, start_ms: Math.round(startMs), end_ms: Math.round(endMs) } };
    const timer = setTimeout(() => {
      engine.api.forecast(wanted, preset, format, abort.signal).then(
        (forecast) => setFound({ for: asked, forecast }),
        () => {
          if (!abort.signal.aborted) setFound({ for: asked, forecast: "unknown" });
        },
      );
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [engine, asked, state, preset, format, startMs, endMs]);
  return found?.for === asked ? found.forecast : null;
}
