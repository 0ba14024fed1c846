// An audio worklet that hands on what passes through it, with the frame of the context at which it began.

const BLOCK = 4096;

class Recorder extends AudioWorkletProcessor {
  #samples = new Float32Array(BLOCK);
  #filled = 0;

  process([[left = new Float32Array(128), right = left]]) {
    for (let i = 0; i < left.length; i++) this.#samples[this.#filled++] = (left[i] + right[i]) / 2;
    if (this.#filled === BLOCK) this.#handOn();
    return true;
  }

  #handOn() {
    const first = currentFrame + 128 - BLOCK;
    this.port.postMessage({ first, samples: this.#samples }, [this.#samples.buffer]);
    this.#samples = new Float32Array(BLOCK);
    this.#filled = 0;
  }
}

registerProcessor("recorder", Recorder);
