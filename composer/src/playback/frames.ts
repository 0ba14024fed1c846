/**
 * Which picture a <video> shows: the browser tells each frame that it presents, and seldom what was expected.
 *
 * After a seek an older frame may be presented before the right one; one that stood by chance where it was sought shows
 * the frame after it; and a frame that is the same as before may not be told at all. So the verdict takes its time.
 */

export interface Frame {
  readonly mediaMs: number;
  readonly shownAtMs: number;
}

/** `coming`: wait; `mistaken`: it will not come by itself. */
export type Verdict = "shown" | "coming" | "mistaken";

/** An unchanged picture is encoded anew after so long (renderer/preview.py). */
const LONGEST_FRAME_MS = 200;
/** In this time a frame that was presented too early is followed by the right one. */
const SETTLING_MS = 150;
/** What was not told in this time after a seek will not be. */
const SILENCE_MS = 500;
/** How often the same instant is sought again before what is shown is taken for right. */
const CORRECTIONS = 2;

export class FrameWatch {
  readonly #video: HTMLVideoElement;
  #frame: Frame | null = null;
  #serial = 0;
  #askedAtMs = 0;
  #seekedAtMs = 0;
  #corrections = 0;
  #request = 0;

  constructor(video: HTMLVideoElement, onFrame: () => void) {
    this.#video = video;
    const next = () => {
      this.#request = video.requestVideoFrameCallback((nowMs, { mediaTime }) => {
        this.#frame = { mediaMs: mediaTime * 1000, shownAtMs: nowMs };
        this.#serial++;
        onFrame();
        next();
      });
    };
    next();
  }

  get frame(): Frame | null {
    return this.#frame;
  }

  /** Rises with every frame. */
  get serial(): number {
    return this.#serial;
  }

  get askedAtMs(): number {
    return this.#askedAtMs;
  }

  /** A seek was asked for; `isAgain`: to where it stood before. */
  asked(isAgain: boolean): void {
    this.#askedAtMs = performance.now();
    this.#corrections = isAgain ? this.#corrections + 1 : 0;
  }

  seeked(): void {
    this.#seekedAtMs = performance.now();
  }

  /** Of a video that stands at `mediaMs` and has frames `fps` times a second. */
  verdict(mediaMs: number, fps: number, nowMs = performance.now()): Verdict {
    const frame = this.#frame;
    const quietMs = nowMs - Math.max(this.#seekedAtMs, frame?.shownAtMs ?? this.#askedAtMs);
    if (frame === null || frame.shownAtMs < this.#askedAtMs) return this.#unless(quietMs > SILENCE_MS);
    const ageMs = mediaMs - frame.mediaMs;
    if (ageMs < -1 || ageMs > LONGEST_FRAME_MS + 1000 / fps) return this.#unless(quietMs > SETTLING_MS);
    return ageMs < 1000 / fps + 1 || quietMs > SETTLING_MS ? "shown" : "coming";
  }

  close(): void {
    this.#video.cancelVideoFrameCallback(this.#request);
  }

  #unless(isOver: boolean): Verdict {
    if (!isOver) return "coming";
    return this.#corrections < CORRECTIONS || this.#frame === null ? "mistaken" : "shown";
  }
}
