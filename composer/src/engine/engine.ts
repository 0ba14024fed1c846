/** The composer's parts, wired: what is edited is planned, saved and shown; what is made is taken up. */

import { ComposerApi } from "../api/client";
import { ApiError, isTransient, isTransientForSaving } from "../api/errors";
import { SignedLinks } from "../api/links";
import type { PreviewManifest, RecordingStatus } from "../api/types";
import { Autosave, Conflict } from "../composition/autosave";
import { completed, EMPTY } from "../composition/defaults";
import { CompositionDocument } from "../composition/document";
import type { CompositionState } from "../composition/types";
import { sourcesOf } from "../playback/sources";
import { Playback } from "../playback/transport";
import { Cell, type Readable } from "../shared/observable";
import { unchanged } from "../shared/unchanged";
import { Stage } from "../stage/stage";
import { installHooks } from "./hooks";
import { PlanKeeper } from "./plans";
import type { ComposerEngine, EngineOptions, Phase, PlanReading } from "./types";

/** How often a preview in the making is looked at: about once a segment. */
const LOOK_MS = 3_000;

export function createEngine(options: EngineOptions): ComposerEngine {
  return new Engine(options);
}

class Engine implements ComposerEngine {
  readonly api: ComposerApi;
  readonly transport: Playback;
  readonly stage: Stage;
  readonly #links: SignedLinks;
  readonly #plans: PlanKeeper;
  readonly #videos: HTMLElement;
  readonly #abort = new AbortController();
  readonly #phase = new Cell<Phase>({ kind: "loading" });
  readonly #recording = new Cell<RecordingStatus | null>(null);
  readonly #manifest = new Cell<PreviewManifest | null>(null);
  #document: CompositionDocument | null = null;
  #looking: ReturnType<typeof setTimeout> | null = null;
  #uninstall: () => void = () => undefined;

  constructor(options: EngineOptions) {
    this.api = new ComposerApi(options);
    this.#links = new SignedLinks(() => this.readStatus());
    this.#plans = new PlanKeeper((state, window, signal) => this.api.plan(state, window, signal));
    this.#videos = unseen();
    this.transport = new Playback({
      links: this.#links,
      host: this.#videos,
      onPicture: () => this.stage.invalidate(),
    });
    this.stage = new Stage({ playback: this.transport, fetchRaster: (key) => this.api.label(key, this.#abort.signal) });
    this.#plans.reading.subscribe(() => this.#show());
    this.transport.state.subscribe(() => this.#plans.lookAt(this.transport.timeMs()));
  }

  get phase(): Readable<Phase> {
    return this.#phase;
  }

  get recording(): Readable<RecordingStatus | null> {
    return this.#recording;
  }

  get manifest(): Readable<PreviewManifest | null> {
    return this.#manifest;
  }

  get plan(): Readable<PlanReading> {
    return this.#plans.reading;
  }

  get access(): Readable<unknown> {
    return this.#links.failure;
  }

  get document(): CompositionDocument {
    if (this.#document === null) throw new Error("the composition is there only after open()");
    return this.#document;
  }

  async open(): Promise<void> {
    document.body.append(this.#videos);
    try {
      const [stored] = await Promise.all([this.api.composition(this.#abort.signal), this.refresh()]);
      if (this.#isClosed) return;
      this.#edit(stored === null ? EMPTY : completed(stored.state), stored?.etag ?? null);
      this.#uninstall = installHooks(this);
      this.#phase.set({ kind: "ready", preview: previewOf(this.#recording.get()) });
    } catch (error) {
      if (!this.#isClosed) this.#phase.set({ kind: "failed", error });
    }
  }

  async refresh(): Promise<void> {
    const status = await this.api.status(this.#abort.signal);
    this.#links.learn(status);
    const url = status.preview.manifest;
    const manifest = url === undefined ? null : await this.api.manifest(url, this.#abort.signal);
    this.#recording.set(status);
    this.#manifest.set(unchanged(this.#manifest.get(), manifest));
    if (manifest !== null) this.#plans.setDuration(manifest.duration_ms);
    this.transport.setSources(sourcesOf(status, manifest));
    this.#show();
    if (this.#phase.get().kind === "ready") this.#tellPreview(status);
    if (isInTheMaking(status)) this.#lookAgain();
  }

  async readStatus(): Promise<RecordingStatus> {
    const status = await this.api.status(this.#abort.signal);
    this.#links.learn(status);
    this.#recording.set(status);
    return status;
  }

  tryAgain(): void {
    this.#plans.again();
    this.#links.renew().catch(() => undefined); // `access` tells
  }

  async previewUrl(path: string): Promise<string | null> {
    const { preview } = this.#recording.get() ?? {};
    const streams = [...Object.values(preview?.peers ?? {}), ...Object.values(preview?.screenshare ?? {})];
    for (const url of streams.flatMap((stream) => Object.values(stream) as string[])) {
      const root = /^(.*\/preview\/)(?:peers|screenshare)\/[^/]+\//.exec(url);
      const folder = path.slice(0, path.lastIndexOf("/") + 1);
      if (root?.[1] !== undefined && root[0] === root[1] + escaped(folder))
        return this.#links.fresh(root[1] + escaped(path));
    }
    return null;
  }

  close(): void {
    this.#abort.abort();
    if (this.#looking !== null) clearTimeout(this.#looking);
    this.#uninstall();
    this.#plans.close();
    this.transport.close();
    this.stage.close();
    this.#document?.close();
    this.#videos.remove();
  }

  get #isClosed(): boolean {
    return this.#abort.signal.aborted;
  }

  #edit(state: CompositionState, etag: string | null): void {
    const autosave = new Autosave(state, etag, {
      write: (newest, known) => this.#save(newest, known),
      isTransient: isTransientForSaving,
    });
    this.#document = new CompositionDocument(state, autosave);
    this.#document.state.subscribe(() => this.#plans.setState(this.document.state.get()));
    this.#plans.setState(state);
  }

  async #save(state: CompositionState, etag: string | null): Promise<string> {
    try {
      return (await this.api.save(state, etag)).etag;
    } catch (error) {
      throw error instanceof ApiError && error.isConflict ? new Conflict() : error;
    }
  }

  #show(): void {
    const { plan } = this.#plans.reading.get();
    this.transport.setPlan(plan, this.#plans.endMs);
    this.stage.setPlan(plan);
  }

  #tellPreview(status: RecordingStatus): void {
    const known = this.#phase.get();
    const preview = previewOf(status);
    if (known.kind !== "ready" || known.preview !== preview) this.#phase.set({ kind: "ready", preview });
  }

  #lookAgain(): void {
    if (this.#looking !== null) clearTimeout(this.#looking);
    this.#looking = setTimeout(() => {
      this.refresh().catch((error: unknown) => {
        if (isTransient(error) && !this.#isClosed) this.#lookAgain();
      });
    }, LOOK_MS);
  }
}

function previewOf(status: RecordingStatus | null): "none" | "making" | "failed" | "whole" {
  if (status?.preview.manifest !== undefined) return "whole";
  if (status !== null && isInTheMaking(status)) return "making";
  return status?.preview_status === "failed" ? "failed" : "none";
}

function isInTheMaking({ preview_status }: RecordingStatus): boolean {
  return preview_status === "queued" || preview_status === "processing";
}

/** A key as it is written in a link. */
function escaped(key: string): string {
  return key.replaceAll("%", "%25");
}

/** In the document, since browsers play what is in none only now and then, but never seen, heard of or touched. */
function unseen(): HTMLElement {
  const host = document.createElement("div");
  host.setAttribute("aria-hidden", "true");
  host.style.cssText =
    "position:fixed;left:0;top:0;width:1px;height:1px;overflow:hidden;opacity:0;pointer-events:none;z-index:-1";
  return host;
}
