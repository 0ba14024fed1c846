/** The API of the farm for one recording, typed. Everything throws `ApiError` or `Unreachable`. */

import type { CompositionState } from "../composition/types";
import type { Plan } from "../plan/types";
import { ApiError } from "./errors";
import { Http, received } from "./http";
import { jobEvents, type JobEvent } from "./jobs";
import { newKey } from "./keys";
import type {
  AssetSaved,
  ExportFormat,
  ExportRequest,
  Forecast,
  GetToken,
  Job,
  JobAccepted,
  Preset,
  PreviewManifest,
  PreviewRequest,
  RecordingStatus,
  Waveform,
} from "./types";

export interface ClientOptions {
  readonly recordingId: string;
  readonly apiBase: string;
  readonly getToken: GetToken;
  readonly fetch?: typeof fetch;
}

export interface StoredComposition {
  readonly state: Partial<CompositionState>;
  readonly etag: string | null;
}

export interface SavedComposition {
  readonly etag: string;
  readonly compositionId: string;
  readonly updatedAt: string;
}

export interface PlanWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

export class ComposerApi {
  readonly recordingId: string;
  readonly #http: Http;
  readonly #fetch: typeof fetch;
  readonly #path: string;

  constructor({ recordingId, apiBase, getToken, fetch: fetcher = (...asked) => fetch(...asked) }: ClientOptions) {
    this.recordingId = recordingId;
    this.#fetch = fetcher;
    this.#http = new Http(apiBase, getToken, fetcher);
    this.#path = `/recordings/${encodeURIComponent(recordingId)}`;
  }

  status(signal?: AbortSignal): Promise<RecordingStatus> {
    return this.#http.json(this.#path, { signal });
  }

  /** The composition saved last; null where none was saved. */
  async composition(signal?: AbortSignal): Promise<StoredComposition | null> {
    try {
      const response = await this.#http.ask(`${this.#path}/composition`, { signal });
      return {
        state: (await received(response.json(), signal)) as Partial<CompositionState>,
        etag: response.headers.get("ETag"),
      };
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isMissing) throw error;
      await this.status(signal); // a recording that may not be seen is a 404 of its own
      return null;
    }
  }

  /** Saves as `latest` if `etag` is still what is stored, null: nothing is. Else an ApiError that `isConflict`. */
  async save(state: CompositionState, etag: string | null): Promise<SavedComposition> {
    const response = await this.#http.ask(`${this.#path}/composition`, {
      method: "PUT",
      action: "composition:write",
      headers: etag === null ? { "If-None-Match": "*" } : { "If-Match": etag },
      json: state,
    });
    const told = (await received(response.json())) as { composition_id: string; updated_at: string };
    return {
      etag: response.headers.get("ETag") ?? `"${told.composition_id}"`,
      compositionId: told.composition_id,
      updatedAt: told.updated_at,
    };
  }

  /** Who is where when, for a state that need not be saved. */
  plan(state: CompositionState, window?: PlanWindow, signal?: AbortSignal): Promise<Plan> {
    const query = { from_ms: window?.fromMs, to_ms: window?.toMs };
    return this.#http.json(`${this.#path}/plan`, { method: "POST", json: state, query, signal });
  }

  /** The composed picture at one instant, by the export's own engine. */
  async still(
    state: CompositionState,
    tMs: number,
    format: "png" | "jpeg" = "png",
    signal?: AbortSignal,
  ): Promise<Blob> {
    const query = { t: Math.round(tMs), format };
    return this.#http.blob(`${this.#path}/still`, { method: "POST", json: state, query, signal });
  }

  /** What of an export of `state` would have to be rendered, and about how long that takes. */
  forecast(state: CompositionState, preset: Preset, format: ExportFormat, signal?: AbortSignal): Promise<Forecast> {
    return this.#http.json(`${this.#path}/forecast`, {
      method: "POST",
      json: state,
      query: { preset, format },
      signal,
    });
  }

  /** A label, avatar, text or image as the export draws it, by the key that a plan names. */
  label(key: string, signal?: AbortSignal): Promise<Blob> {
    return this.#http.blob(`${this.#path}/labels/${encodeURIComponent(key)}.png`, { signal });
  }

  /** Uploads an image for `style.image`. */
  uploadAsset(file: Blob, name: string, signal?: AbortSignal): Promise<AssetSaved> {
    const form = new FormData();
    form.set("file", file, name);
    form.set("name", name);
    return this.#http.json(`${this.#path}/assets`, { method: "POST", form, signal });
  }

  /** `key`: repeating a request with the same one gives the same job. */
  requestPreview(wanted: PreviewRequest = {}, key: string = newKey()): Promise<JobAccepted> {
    return this.#request("preview", "preview:read", wanted, key);
  }

  requestExport(wanted: ExportRequest = {}, key: string = newKey()): Promise<JobAccepted> {
    return this.#request("export", "export:create", wanted, key);
  }

  job(jobId: string, signal?: AbortSignal): Promise<Job> {
    return this.#http.json(`/jobs/${encodeURIComponent(jobId)}`, { signal });
  }

  /** Asks the job to stop; it ends as `failed`, reason `cancelled`. */
  cancelJob(jobId: string): Promise<Job> {
    return this.#http.json(`/jobs/${encodeURIComponent(jobId)}`, { method: "DELETE" });
  }

  /** What happens to a job until it ends. */
  jobEvents(jobId: string, signal: AbortSignal): AsyncGenerator<JobEvent, void> {
    return jobEvents(this.#http, jobId, signal);
  }

  /** The preview's manifest, at the signed address that `status` gave. */
  manifest(url: string, signal?: AbortSignal): Promise<PreviewManifest> {
    return this.#open(url, signal);
  }

  waveform(url: string, signal?: AbortSignal): Promise<Waveform> {
    return this.#open(url, signal);
  }

  #request(what: "preview" | "export", action: "preview:read" | "export:create", json: object, key: string) {
    const headers = { "Idempotency-Key": key };
    return this.#http.json<JobAccepted>(`${this.#path}/${what}`, { method: "POST", action, headers, json });
  }

  async #open<T>(url: string, signal?: AbortSignal): Promise<T> {
    const response = await received(this.#fetch(url, { signal: signal ?? null }), signal);
    if (!response.ok)
      throw new ApiError(response.status, `http-${response.status}`, `the server answered ${response.status}`);
    return (await received(response.json(), signal)) as T;
  }
}
