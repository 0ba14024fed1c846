/**
 * One stream of one peer: a <video> and its hls.js. It goes where it is told, keeps near the clock by bending its rate,
 * and knows exactly which picture it shows. Media time is recording time less the peer's nudge; milliseconds.
 */

import Hls, { ErrorDetails, ErrorTypes, Events, type ErrorData } from "hls.js";

import type { SignedLinks } from "../api/links";
import { Decoding } from "./decoding";
import { FrameWatch } from "./frames";
import { hlsConfig, multivariant } from "./loading";
import { isBlackAt, placedAt, type Placed } from "./shapes";
import { steer } from "./steering";
import type { Rendition, StreamReport, StreamSource } from "./types";
import type { RenditionName } from "./wanted";

/** A seek lands inside a frame, not on its edge, where rounding decides which frame is shown. */
const INSIDE_FRAME_MS = 4;
const NEAR_MS = 2;
/** A seek that did not bring it into step is not tried again sooner. */
const AGAIN_MS = 1_000;
const LONGEST_LEAD_MS = 800;
const RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 15_000;

/** What is drawn of a stream. */
export interface StreamPicture extends Placed {
  readonly video: HTMLVideoElement;
  readonly mediaMs: number;
  readonly serial: number;
  /** The source was off then, as far as known. */
  readonly isBlack: boolean;
}

export class StreamPlayer {
  /** Sizes and shapes may become known later; the files stay. */
  source: StreamSource;
  /** Whether a tile shows it now. */
  isSeen = false;
  readonly video: HTMLVideoElement;
  readonly #hls: Hls;
  readonly #frames: FrameWatch;
  readonly #decoding = new Decoding();
  readonly #playlist: string;
  #rendition: RenditionName;
  #targetMs: number;
  #pendingMs: number | null = null;
  #isWhole = false;
  #leadMs = 150;
  #isLanding = false;
  #bending = false;
  #driftMs: number | null = null;
  #error: string | null = null;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #retryMs = RETRY_MS;
  #isClosed = false;

  constructor(
    source: StreamSource,
    rendition: RenditionName,
    startMs: number,
    links: SignedLinks,
    onPicture: () => void,
  ) {
    this.source = source;
    this.#rendition = rendition;
    this.#targetMs = startMs;
    this.video = silentVideo();
    this.#frames = new FrameWatch(this.video, () => {
      if (this.#decoding.isGivenUp) this.#error = null;
      onPicture();
    });
    this.video.addEventListener("loadedmetadata", () => this.goTo(this.#targetMs));
    this.video.addEventListener("seeked", () => this.#seeked());
    this.#playlist = URL.createObjectURL(
      new Blob([multivariant(source.full, source.low)], { type: "application/vnd.apple.mpegurl" }),
    );
    this.#hls = new Hls({ ...hlsConfig(links, startMs / 1000), startLevel: this.#level(rendition) });
    this.#hls.on(Events.MANIFEST_PARSED, () => {
      this.#hls.loadLevel = this.#level(this.#rendition); // chosen here, never by hls.js
    });
    this.#hls.on(Events.LEVEL_LOADED, (_, { details }) => {
      this.#isWhole = !details.live;
    });
    this.#hls.on(Events.ERROR, (_, error) => this.#failed(error));
    this.#hls.on(Events.FRAG_BUFFERED, () => this.#recovered());
    if (!Hls.isSupported()) this.#error = "this browser has no Media Source Extensions";
    this.#hls.loadSource(this.#playlist);
    this.#hls.attachMedia(this.video);
  }

  get rendition(): RenditionName {
    return this.#rendition;
  }

  get mediaMs(): number {
    return this.video.currentTime * 1000;
  }

  /** Whether it can play on from `mediaMs` now, or is not waited for. */
  isReadyAt(mediaMs: number): boolean {
    if (!this.#isWaitedFor) return true;
    if (this.video.seeking || this.#pendingMs !== null || Math.abs(this.mediaMs - mediaMs) > 1_000) return false;
    return this.video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA || this.#isAtEnd;
  }

  /** Whether it stands, and shows the very picture of `mediaMs`, or is not waited for. */
  isSettledAt(mediaMs: number): boolean {
    if (!this.#isWaitedFor) return true;
    return this.#standsAt(mediaMs) && this.#frames.verdict(this.mediaMs, this.#fps) === "shown";
  }

  picture(): StreamPicture | null {
    const { videoWidth: w, videoHeight: h } = this.video;
    const { frame, serial } = this.#frames;
    if (frame === null || w === 0 || h === 0) return null;
    const { mediaMs } = frame;
    const rendition = this.#shownRendition;
    const placed = placedAt(rendition, { w, h }, mediaMs + 1);
    return { ...placed, video: this.video, mediaMs, serial, isBlack: isBlackAt(rendition.shapes, mediaMs) };
  }

  /** Seeks there. While a seek is under way the newest wish waits, and those between are forgotten. */
  goTo(mediaMs: number): void {
    const isAgain = this.#targetMs === mediaMs;
    this.#targetMs = mediaMs;
    if (this.video.readyState === HTMLMediaElement.HAVE_NOTHING) return;
    if (this.video.seeking) {
      this.#pendingMs = mediaMs;
      return;
    }
    this.#frames.asked(isAgain);
    this.video.currentTime = Math.max(0, this.#wanted(mediaMs)) / 1000;
  }

  /** Seeks there unless it stands there, and shows what is there. */
  standAt(mediaMs: number): void {
    if (this.video.seeking && this.#targetMs === mediaMs) return;
    if (!this.#standsAt(mediaMs) || this.#frames.verdict(this.mediaMs, this.#fps) === "mistaken") this.goTo(mediaMs);
  }

  async play(): Promise<void> {
    await this.video.play();
  }

  pause(): void {
    this.video.pause();
    this.#bending = false;
  }

  /** Keeps it with a clock that is at `mediaMs` and runs at `rate`. */
  follow(mediaMs: number, rate: number): void {
    if (this.video.seeking || this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    const driftMs = this.mediaMs - mediaMs;
    this.#driftMs = driftMs;
    this.#decoding.playsAt(this.mediaMs);
    this.#learnLead(driftMs, rate);
    const { hasSound } = this.source;
    const steering = steer(driftMs, { rate, bending: this.#bending, seen: this.isSeen, hasSound });
    if (steering.kind === "seek") {
      if (performance.now() - this.#frames.askedAtMs < AGAIN_MS) return;
      this.#isLanding = true;
      this.goTo(mediaMs + this.#leadMs * rate);
      return;
    }
    this.#bending = steering.rate !== rate;
    if (this.video.playbackRate !== steering.rate) this.video.playbackRate = steering.rate;
  }

  /** A seek while the clock runs aims ahead of it, by what the last one came late. */
  #learnLead(driftMs: number, rate: number): void {
    if (!this.#isLanding) return;
    this.#isLanding = false;
    this.#leadMs = Math.min(LONGEST_LEAD_MS, Math.max(0, this.#leadMs - driftMs / rate));
  }

  /** Plays this rendition from the next segment on; at once where it stands. */
  setRendition(name: RenditionName): void {
    if (name === this.#rendition || this.source.low === null) return;
    this.#rendition = name;
    const level = this.#level(name);
    if (this.#hls.levels.length === 0) this.#hls.startLevel = level;
    else if (this.video.paused) {
      this.#hls.currentLevel = level;
      this.#frames.asked(false);
      this.video.currentTime = Math.max(0, this.mediaMs) / 1000;
    } else this.#hls.nextLevel = level;
  }

  report(): StreamReport {
    const quality = this.video.getVideoPlaybackQuality();
    return {
      id: this.source.id,
      rendition: this.#shownRendition === this.source.low ? "low" : "full",
      seen: this.isSeen,
      state: this.#state,
      driftMs: this.#driftMs,
      bufferedMs: this.#bufferedMs,
      frames: quality.totalVideoFrames,
      dropped: quality.droppedVideoFrames,
      error: this.#error,
    };
  }

  close(): void {
    this.#isClosed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#frames.close();
    this.#hls.destroy();
    this.video.remove();
    this.video.removeAttribute("src");
    this.video.load();
    URL.revokeObjectURL(this.#playlist);
  }

  /** One that has failed keeps nobody waiting, nor one that was given up, until it has played for a while. */
  get #isWaitedFor(): boolean {
    return this.#error === null && !this.#decoding.isGivenUp;
  }

  get #fps(): number {
    return this.#shownRendition.fps;
  }

  /** The one that the frame shown comes from: after a change the old one plays on for a while. */
  get #shownRendition(): Rendition {
    const { full, low } = this.source;
    if (low === null) return full;
    const { videoWidth } = this.video;
    const isTold = low.size !== null && full.size !== null && low.size.w !== full.size.w && videoWidth > 0;
    return (isTold ? videoWidth === low.size.w : this.#rendition === "low") ? low : full;
  }

  get #state(): StreamReport["state"] {
    if (this.#error !== null) return "failed";
    if (this.#frames.frame === null) return "loading";
    return this.video.seeking || this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA ? "waiting" : "ready";
  }

  /** The last instant that can be sought: the browser shows nothing at the very end. */
  get #lastMs(): number {
    const { duration } = this.video;
    return Number.isFinite(duration) ? Math.max(0, duration * 1000 - 1) : Infinity;
  }

  /** At the end of what there will ever be: the edge of a stream that still grows is worth waiting at. */
  get #isAtEnd(): boolean {
    return this.#isWhole && (this.video.ended || (this.mediaMs > this.#lastMs - 100 && this.video.readyState >= 2));
  }

  get #bufferedMs(): number {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime + 0.05 && currentTime < buffered.end(i)) {
        return (buffered.end(i) - currentTime) * 1000;
      }
    }
    return 0;
  }

  /** Where a seek to `mediaMs` goes: inside that frame, and not beyond the end. */
  #wanted(mediaMs: number): number {
    return Math.min(mediaMs + INSIDE_FRAME_MS, this.#lastMs);
  }

  #standsAt(mediaMs: number): boolean {
    if (this.video.seeking || this.#pendingMs !== null) return false;
    return Math.abs(this.mediaMs - this.#wanted(mediaMs)) < NEAR_MS;
  }

  #level(name: RenditionName): number {
    return name === "low" || this.source.low === null ? 0 : 1;
  }

  #seeked(): void {
    this.#frames.seeked();
    const pending = this.#pendingMs;
    this.#pendingMs = null;
    if (pending !== null && !this.#standsAt(pending)) this.goTo(pending);
  }

  #failed(error: ErrorData): void {
    if (!error.fatal || this.#isClosed) return;
    if (error.type === ErrorTypes.MEDIA_ERROR && this.#decoding.failed()) {
      this.#hls.recoverMediaError();
      return;
    }
    const grows = error.details === ErrorDetails.LEVEL_EMPTY_ERROR;
    if (!grows) this.#error = error.error.message || error.details;
    this.#retry ??= setTimeout(() => this.#reload(error), this.#retryMs);
    this.#retryMs = Math.min(LONGEST_RETRY_MS, 2 * this.#retryMs);
  }

  #reload(error: ErrorData): void {
    this.#retry = null;
    if (error.details === ErrorDetails.MANIFEST_LOAD_ERROR || this.#hls.levels.length === 0) {
      this.#hls.loadSource(this.#playlist);
      return;
    }
    if (error.type === ErrorTypes.MEDIA_ERROR) this.#hls.recoverMediaError();
    this.#hls.startLoad(this.#targetMs / 1000);
  }

  /** A segment has come; of a stream that was given up, only pictures tell that it is there again. */
  #recovered(): void {
    if (this.#decoding.isGivenUp) return;
    this.#error = null;
    this.#retryMs = RETRY_MS;
  }
}

function silentVideo(): HTMLVideoElement {
  const video = document.createElement("video");
  video.muted = true; // until the mixer takes its sound
  video.playsInline = true;
  video.preload = "auto";
  video.disableRemotePlayback = true;
  video.tabIndex = -1;
  video.setAttribute("aria-hidden", "true");
  return video;
}
