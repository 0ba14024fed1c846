/**
 * What is heard: one gain for each peer, moved exactly where the plan's spans begin and end, summed.
 *
 * Browsers let a page sound only after a gesture; until then the videos stay muted and this does nothing.
 */

import { amplitude, gainAt, RAMP_MS } from "../plan/gains";
import type { PeerAudio } from "../plan/types";

/** How far ahead gains are told to the audio thread. */
const AHEAD_MS = 300;
/** A change that nobody planned, such as a turned knob, takes this long. */
const SMOOTH_S = 0.02;
const PATIENCE_MS = 500;

interface Channel {
  readonly source: MediaElementAudioSourceNode;
  readonly gain: GainNode;
  /** Until when, in recording time, the gain is told. */
  toldMs: number;
  audio: PeerAudio | null;
}

export class Mixer {
  readonly #channels = new Map<HTMLVideoElement, Channel>();
  #context: AudioContext | null = null;
  #master: GainNode | null = null;
  #volume = 1;

  /** Whether sound can be heard. */
  get sounds(): boolean {
    return this.#context?.state === "running";
  }

  /** To be called in a gesture. Resolves when it sounds, or when it will not. */
  async start(): Promise<void> {
    this.#context ??= new AudioContext({ latencyHint: "playback" });
    if (this.#master === null) {
      this.#master = new GainNode(this.#context, { gain: this.#volume });
      this.#master.connect(this.#context.destination);
    }
    if (this.#context.state === "running") return;
    await Promise.race([this.#context.resume().catch(() => undefined), pause(PATIENCE_MS)]);
  }

  setVolume(volume: number): void {
    this.#volume = volume;
    if (this.#context !== null) this.#master?.gain.setTargetAtTime(volume, this.#context.currentTime, SMOOTH_S);
  }

  /** Takes over the sound of `video`. */
  add(video: HTMLVideoElement): void {
    if (this.#context === null || this.#master === null || !this.sounds || this.#channels.has(video)) return;
    const source = this.#context.createMediaElementSource(video);
    const gain = new GainNode(this.#context, { gain: 0 });
    source.connect(gain).connect(this.#master);
    video.muted = false;
    this.#channels.set(video, { source, gain, toldMs: -Infinity, audio: null });
  }

  remove(video: HTMLVideoElement): void {
    const channel = this.#channels.get(video);
    channel?.source.disconnect();
    channel?.gain.disconnect();
    this.#channels.delete(video);
  }

  /** Tells the gain of a peer from `timeMs` on; `audio` null is silence. */
  follow(video: HTMLVideoElement, audio: PeerAudio | null, timeMs: number, rate: number): void {
    const channel = this.#channels.get(video);
    if (channel === undefined || this.#context === null) return;
    const isNew = !sameAudio(channel.audio, audio) || timeMs > channel.toldMs || timeMs < channel.toldMs - 2 * AHEAD_MS;
    if (isNew) this.#begin(channel, audio, timeMs);
    this.#tell(channel, timeMs, rate);
  }

  /** After a seek: what was told of the time before does not hold. */
  forget(): void {
    for (const channel of this.#channels.values()) channel.toldMs = -Infinity;
  }

  close(): void {
    for (const video of [...this.#channels.keys()]) this.remove(video);
    void this.#context?.close();
  }

  #begin(channel: Channel, audio: PeerAudio | null, timeMs: number): void {
    const now = this.#context?.currentTime ?? 0;
    channel.audio = audio;
    channel.toldMs = timeMs;
    channel.gain.gain.cancelScheduledValues(now);
    channel.gain.gain.setTargetAtTime(audio === null ? 0 : gainAt(audio, timeMs), now, SMOOTH_S / 4);
  }

  /** Ramps at the edges of spans in the time that was not told yet. */
  #tell(channel: Channel, timeMs: number, rate: number): void {
    const untilMs = timeMs + AHEAD_MS * rate;
    const { audio } = channel;
    for (const [start, end] of audio?.spans_ms ?? []) {
      if (audio === null || start > untilMs) break;
      if (start >= channel.toldMs && start < untilMs) this.#ramp(channel, audio, start, timeMs, rate, 1);
      if (end - RAMP_MS >= channel.toldMs && end - RAMP_MS < untilMs) {
        this.#ramp(channel, audio, end - RAMP_MS, timeMs, rate, 0);
      }
    }
    channel.toldMs = Math.max(channel.toldMs, untilMs);
  }

  #ramp(channel: Channel, audio: PeerAudio, fromMs: number, timeMs: number, rate: number, to: 0 | 1): void {
    const at = (this.#context?.currentTime ?? 0) + Math.max(0, fromMs - timeMs) / rate / 1000;
    const loud = amplitude(audio.gain_db);
    channel.gain.gain.setValueAtTime(loud * (1 - to), at);
    channel.gain.gain.linearRampToValueAtTime(loud * to, at + RAMP_MS / rate / 1000);
  }
}

function sameAudio(a: PeerAudio | null, b: PeerAudio | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.gain_db !== b.gain_db || a.spans_ms.length !== b.spans_ms.length) return false;
  return a.spans_ms.every(([start, end], i) => start === b.spans_ms[i]?.[0] && end === b.spans_ms[i][1]);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
