/**
 * J, K and L: backwards, pause, forwards; each further stroke twice as fast.
 *
 * No browser plays video backwards, so backwards is a row of seeks; the stage shows stills where pictures are late.
 */

import type { Transport } from "../playback/types";

const RATES = [1, 2, 4] as const;
const STEP_MS = 120;

export class Shuttle {
  readonly #transport: Transport;
  /** Backwards: how fast, in times of real time; 0 where it does not go backwards. */
  #back = 0;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  forward(): void {
    const { playing, rate } = this.#transport.state.get();
    this.#stopBack();
    this.#transport.setRate(playing ? faster(rate) : 1);
    void this.#transport.play();
  }

  back(): void {
    this.#transport.pause();
    this.#transport.setRate(1);
    this.#back = this.#back === 0 ? 1 : faster(this.#back);
    this.#timer ??= setInterval(() => this.#stepBack(), STEP_MS);
  }

  stop(): void {
    this.#stopBack();
    this.#transport.pause();
    this.#transport.setRate(1);
  }

  toggle(): void {
    if (this.#back > 0 || this.#transport.state.get().playing) this.stop();
    else void this.#transport.play();
  }

  #stepBack(): void {
    const to = this.#transport.timeMs() - STEP_MS * this.#back;
    this.#transport.seek(Math.max(0, to));
    if (to <= 0 || this.#transport.state.get().playing) this.#stopBack();
  }

  #stopBack(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#back = 0;
  }
}

function faster(rate: number): number {
  return RATES.find((known) => known > rate) ?? RATES[RATES.length - 1] ?? 1;
}
