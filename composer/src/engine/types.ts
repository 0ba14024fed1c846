/**
 * The composer without its chrome: one object that the page's components share.
 *
 *     const engine = createEngine({ recordingId, apiBase, getToken });
 *     await engine.open();                       // phase: "loading" → "ready" | "failed"
 *     host.append(engine.stage.canvas);
 *     engine.document.edit((state) => pin(state, engine.transport.timeMs(), peerId));
 *
 * Everything that changes is a `Readable` (`get`, `subscribe`), as `useSyncExternalStore` takes it.
 */

import type { ComposerApi } from "../api/client";
import type { GetToken, PreviewManifest, RecordingStatus } from "../api/types";
import type { CompositionDocument } from "../composition/document";
import type { Plan } from "../plan/types";
import type { Transport } from "../playback/types";
import type { Readable } from "../shared/observable";
import type { StageView } from "../stage/types";

export interface EngineOptions {
  readonly recordingId: string;
  /** Where the API is, without a slash at the end; "" is the page's own origin. */
  readonly apiBase: string;
  readonly getToken: GetToken;
}

export type Phase =
  | { readonly kind: "loading" }
  /** There is no preview yet; `job` is the one that makes it, if any. */
  | { readonly kind: "ready"; readonly preview: "none" | "making" | "failed" | "whole" }
  | { readonly kind: "failed"; readonly error: unknown };

/** How the plan stands to the state: `error` says why the server would not plan a state. */
export interface PlanReading {
  /** The plan around the playhead: whole for short recordings, else a window. The last one known while a new one is fetched. */
  readonly plan: Plan | null;
  /** Whether a newer plan than this one is on its way. */
  readonly fetching: boolean;
  readonly error: unknown;
}

export interface ComposerEngine {
  readonly api: ComposerApi;
  readonly phase: Readable<Phase>;
  /** Streams, exports, jobs; renewed by itself while something is being made. */
  readonly recording: Readable<RecordingStatus | null>;
  /** Who was there when, who spoke when, waveforms; null while the preview is being made. */
  readonly manifest: Readable<PreviewManifest | null>;
  /** Only after `open()` has resolved. */
  readonly document: CompositionDocument;
  readonly plan: Readable<PlanReading>;
  /** Why the addresses of the previews cannot be renewed; null while they can. */
  readonly access: Readable<unknown>;
  readonly transport: Transport;
  readonly stage: StageView;

  open(): Promise<void>;
  /** Reads status and manifest anew, and takes up what is new: after a preview or an export was asked for. */
  refresh(): Promise<void>;
  /** Reads the status alone: what became of exports, and addresses that hold for a while again. */
  readStatus(): Promise<RecordingStatus>;
  /** Asks again for the plan and for addresses, where either was refused. */
  tryAgain(): void;
  /** An address that holds of a file of the preview, such as a waveform or a still, by its path in the manifest. */
  previewUrl(path: string): Promise<string | null>;
  close(): void;
}
