/**
 * Plays a plan: one clock, the streams that the plan wants in step with it, the sound as the plan says.
 *
 * The clock runs only while everything that is needed now can play; else it waits, and so does everybody. While it
 * stands, every stream stands at the picture of its time. Draws nothing: the stage asks `pictureOf` and `stillOf`.
 */

import type { SignedLinks } from "../api/links";
import { frameNumber, frameTimeMs, momentAt, nudgeMs } from "../plan/at";
import type { Plan, Tile } from "../plan/types";
import { Cell, type Readable } from "../shared/observable";
import { MediaClock } from "./clock";
import { Mixer } from "./mixer";
import { Pool } from "./pool";
import { Stills, type Still } from "./stills";
import type { StreamPicture, StreamPlayer } from "./stream";
import type { PlayState, StreamId, StreamReport, StreamSource, Transport } from "./types";
import { wantedAt, type Viewing, type Wanted } from "./wanted";

const TICK_MS = 100;
/** A stream that is not ready for so long stops the clock. */
const GRACE_MS = 250;
/** A start that takes longer goes on with those who have started. */
const START_MS = 1_500;
const MAX_STREAMS = 16;
/** A picture farther from the clock's time than this is not the one to show while a nearer still is there. */
const FAR_MS = 1_000;

export interface PlaybackOptions {
  readonly links: SignedLinks;
  /** The element that the videos live in: in the document, but unseen. */
  readonly host: HTMLElement;
  /** Something that can be drawn has changed. */
  readonly onPicture: () => void;
  readonly maxStreams?: number;
}

export class Playback implements Transport {
  readonly #clock = new MediaClock();
  readonly #mixer = new Mixer();
  readonly #pool: Pool;
  readonly #stills: Stills;
  readonly #onPicture: () => void;
  readonly #limit: number;
  readonly #state = new Cell<PlayState>({ playing: false, buffering: false, rate: 1, timeMs: 0, endMs: 0 });
  readonly #reports = new Cell<readonly StreamReport[]>([]);
  readonly #timer: ReturnType<typeof setInterval>;
  #plan: Plan | null = null;
  #sources: ReadonlyMap<StreamId, StreamSource> = new Map();
  #viewing: Viewing;
  #endMs = 0;
  #playing = false;
  /** Counts starts, so that one that was overtaken notices. */
  #start = 0;
  #starting = false;
  #unreadySinceMs: number | null = null;
  #ticks = 0;
  /** What was under way when it was closed, such as the start of the sound, may come to its end afterwards. */
  #isClosed = false;

  constructor({ links, host, onPicture, maxStreams = MAX_STREAMS }: PlaybackOptions) {
    this.#onPicture = onPicture;
    this.#limit = maxStreams;
    this.#viewing = { scale: 1, quality: "auto", limit: maxStreams };
    this.#pool = new Pool(links, host, onPicture, (player) => this.#mixer.remove(player.video));
    this.#stills = new Stills(links, onPicture);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  // ---- what is played -------------------------------------------------------------------------------------------

  /** The plan around the clock's time, and where the whole of it ends. */
  setPlan(plan: Plan | null, endMs: number): void {
    this.#plan = plan;
    this.#endMs = endMs;
    if (this.#clock.timeMs > endMs) this.seek(endMs);
    this.#tick();
  }

  setSources(sources: ReadonlyMap<StreamId, StreamSource>): void {
    this.#sources = sources;
    this.#tick();
  }

  /** How many pixels of the screen one pixel of the plan's canvas has. */
  setScale(scale: number): void {
    this.#viewing = { ...this.#viewing, scale };
  }

  // ---- Transport ------------------------------------------------------------------------------------------------

  get state(): Readable<PlayState> {
    return this.#state;
  }

  get streams(): Readable<readonly StreamReport[]> {
    return this.#reports;
  }

  timeMs(): number {
    return Math.min(this.#endMs, Math.max(0, this.#clock.timeMs));
  }

  async play(): Promise<void> {
    if (this.#playing || this.#isClosed) return;
    if (this.timeMs() >= this.#endMs - this.#frameMs) this.seek(0);
    this.#playing = true;
    this.#publish();
    await this.#mixer.start();
    this.#tick();
  }

  pause(): void {
    if (!this.#playing) return;
    this.#playing = false;
    this.#halt();
    this.#clock.set(frameTimeMs(this.timeMs(), this.#fps));
    this.#standStill();
    this.#publish();
  }

  seek(timeMs: number): void {
    if (this.#isClosed) return;
    this.#halt();
    this.#clock.set(Math.min(this.#endMs, Math.max(0, timeMs)));
    this.#attach();
    this.#standStill();
    this.#publish();
    this.#onPicture();
  }

  step(frames: number): void {
    this.pause();
    const frame = Math.max(0, frameNumber(this.timeMs(), this.#fps) + frames);
    this.seek((frame * 1000) / this.#fps);
  }

  setRate(rate: number): void {
    this.#clock.setRate(rate);
    this.#mixer.forget();
    this.#publish();
  }

  setVolume(volume: number): void {
    this.#mixer.setVolume(volume);
  }

  setQuality(quality: "auto" | "full"): void {
    this.#viewing = { ...this.#viewing, quality };
    this.#tick();
  }

  // ---- what the stage draws -------------------------------------------------------------------------------------

  /** What the stream of a tile shows now; null where a still is nearer to the clock's time, or nothing is there. */
  pictureOf(tile: Tile): StreamPicture | null {
    const picture = this.#pool.get(tile.tile_id)?.picture() ?? null;
    if (picture === null) return null;
    const isFar = Math.abs(picture.mediaMs - this.#mediaMs(tile.peer_id ?? "")) > FAR_MS;
    return isFar && (picture.isBlack || this.stillOf(tile) !== null) ? null : picture;
  }

  stillOf(tile: Tile): Still | null {
    const source = this.#sources.get(tile.tile_id);
    return source === undefined ? null : this.#stills.at(source, this.#mediaMs(source.peerId));
  }

  /** How every attached stream is doing, read now. */
  reports(): readonly StreamReport[] {
    return [...this.#pool.all()].map(({ player }) => player.report());
  }

  /** Whether time goes on now. */
  get isRunning(): boolean {
    return this.#clock.runs;
  }

  /** Whether it stands, and every stream that is seen shows the very picture of its time. */
  get isSettled(): boolean {
    if (this.#playing || this.#plan === null) return false;
    const tiles = momentAt(this.#plan, this.timeMs())?.tiles ?? [];
    return tiles.every((tile) => {
      if (tile.kind !== "video" || !this.#sources.has(tile.tile_id)) return true;
      const player = this.#pool.get(tile.tile_id);
      return player?.isSettledAt(this.#mediaMs(player.source.peerId)) ?? false;
    });
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#halt();
    this.#pool.clear();
    this.#mixer.close();
    this.#stills.close();
  }

  // ---- how ------------------------------------------------------------------------------------------------------

  get #fps(): number {
    return this.#plan?.fps ?? 30;
  }

  get #frameMs(): number {
    return 1000 / this.#fps;
  }

  /** Where the media of a peer stands at the clock's time; while it stands, at the start of the frame that is shown. */
  #mediaMs(peerId: string): number {
    const timeMs = this.#clock.runs ? this.#clock.timeMs : frameTimeMs(this.timeMs(), this.#fps);
    return Math.max(0, timeMs - (this.#plan === null ? 0 : nudgeMs(this.#plan, peerId)));
  }

  #tick(): void {
    if (this.#isClosed) return;
    this.#attach();
    if (this.#clock.runs) this.#run();
    else if (this.#playing) this.#tryStart();
    else this.#standStill();
    this.#publish();
    if (this.#ticks++ % 3 === 0) this.#reports.set(this.reports());
  }

  #attach(): void {
    if (this.#plan === null) return;
    const wanted = wantedAt(this.#plan, this.timeMs(), this.#sources, this.#viewing);
    const mediaMs = (peerId: string) => this.#mediaMs(peerId);
    this.#pool.update(wanted, this.#sources, mediaMs, performance.now(), this.#limit);
  }

  #run(): void {
    if (this.#clock.timeMs >= this.#endMs) {
      this.pause();
      this.seek(this.#endMs);
      return;
    }
    for (const { player, wanted } of this.#pool.all()) this.#keepUp(player, wanted);
    if (!this.#areReady((wanted) => wanted.isNeeded)) {
      this.#unreadySinceMs ??= performance.now();
      if (performance.now() - this.#unreadySinceMs > GRACE_MS) this.#wait();
    } else this.#unreadySinceMs = null;
  }

  #keepUp(player: StreamPlayer, wanted: Wanted): void {
    const { peerId, hasSound } = player.source;
    if (player.video.paused && !player.video.ended) void player.play().catch(() => undefined);
    player.follow(this.#mediaMs(peerId), this.#clock.rate);
    if (!hasSound) return;
    this.#mixer.add(player.video);
    const audio = this.#plan?.audio.find((peer) => peer.peer_id === peerId) ?? null;
    this.#mixer.follow(player.video, wanted.id === `${peerId}/camera` ? audio : null, this.timeMs(), this.#clock.rate);
  }

  /** Something that is needed cannot play on: the clock stops for all. */
  #wait(): void {
    this.#clock.stop();
    this.#unreadySinceMs = null;
    this.#standStill();
  }

  #tryStart(): void {
    if (this.#starting) return;
    if (this.#areReady((wanted) => wanted.isNeeded)) void this.#begin();
    else this.#standStill();
  }

  /** Starts all at once; the clock begins where they are when they run. */
  async #begin(): Promise<void> {
    const start = ++this.#start;
    this.#starting = true;
    const players = [...this.#pool.all()].filter(({ wanted }) => wanted.isNeeded).map(({ player }) => player);
    for (const { source, video } of players) if (source.hasSound) this.#mixer.add(video);
    this.#mixer.forget();
    const running = players.map((player) => player.play().catch(() => undefined));
    await Promise.race([Promise.all(running), new Promise((resolve) => setTimeout(resolve, START_MS))]);
    if (start !== this.#start) return;
    this.#starting = false;
    if (!this.#playing) return;
    this.#clock.start(this.#startMs(players));
    this.#tick();
  }

  /** The median of where the players are: most of them need no correction then. */
  #startMs(players: readonly StreamPlayer[]): number {
    const timeMs = this.timeMs();
    const ahead = players
      .map((player) => player.mediaMs - this.#mediaMs(player.source.peerId))
      .filter((ms) => ms >= 0 && ms < 500)
      .sort((a, b) => a - b);
    return timeMs + (ahead[ahead.length >> 1] ?? 0);
  }

  #halt(): void {
    this.#start++;
    this.#starting = false;
    this.#unreadySinceMs = null;
    this.#clock.stop();
    this.#mixer.forget();
  }

  /** Everybody stands at the clock's time. */
  #standStill(): void {
    for (const { player } of this.#pool.all()) {
      player.pause();
      player.standAt(this.#mediaMs(player.source.peerId));
    }
  }

  #areReady(whose: (wanted: Wanted) => boolean): boolean {
    return [...this.#pool.all()].every(
      ({ player, wanted }) => !whose(wanted) || player.isReadyAt(this.#mediaMs(player.source.peerId)),
    );
  }

  #publish(): void {
    const next: PlayState = {
      playing: this.#playing,
      buffering: this.#playing && !this.#clock.runs,
      rate: this.#clock.rate,
      timeMs: this.timeMs(),
      endMs: this.#endMs,
    };
    const known = this.#state.get();
    const isNew = (Object.keys(next) as (keyof PlayState)[]).some((key) => next[key] !== known[key]);
    if (isNew) this.#state.set(next);
  }
}
