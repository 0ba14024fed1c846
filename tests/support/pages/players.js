// <video> elements, each fed by an hls.js of its own. Driven by tests/support/browser.py through `stage`.
// Times are seconds of the media.

const PATIENCE_MS = 20_000;
const SETTLING_MS = 150;
const SETTLED_S = 0.25; // of playing after a start or a seek: whatever stops it then is a stall
const POLL_MS = 10;

/** What a playlist lists exists: a segment that is missing is an error at once. */
const withoutRetries = { default: { ...Hls.DefaultConfig.fragLoadPolicy.default, errorRetry: null } };

class Player {
  constructor(url, startPosition) {
    this.errors = [];
    this.stalls = [];
    this.playingSince = null; // the time from which it plays, while no seek or start is under way
    this.lastFrame = null; // of requestVideoFrameCallback: {mediaTime, shownAt}
    this.watched = null; // [{x, y, w, h}], rows of luma are recorded from each
    this.frames = [];
    this.#addVideo();
    this.hls = new Hls({ startPosition, fragLoadPolicy: withoutRetries });
    this.hls.on(Hls.Events.ERROR, (_, data) => this.#onError(data));
    this.hls.loadSource(url);
    this.hls.attachMedia(this.video);
  }

  get failed() {
    return this.errors.some((error) => error.fatal);
  }

  get settled() {
    const { seeking, currentTime } = this.video;
    return !seeking && this.playingSince !== null && currentTime > this.playingSince + SETTLED_S;
  }

  /** Resolves when the first picture is there, or when there will be none. */
  async ready() {
    await until(() => this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA || this.failed, "has no picture");
  }

  /** Resolves when the picture of that time is shown: after `seeked`, when no newer frame comes. */
  async seek(time) {
    const asked = performance.now();
    this.playingSince = null;
    this.lastFrame = null;
    this.video.currentTime = time;
    await until(() => !this.video.seeking || this.failed, `does not seek to ${time}`);
    const seeked = performance.now();
    const isNew = (frame) => frame !== null && frame.shownAt > asked;
    await until(
      () => isNew(this.lastFrame) && (this.lastFrame.shownAt > seeked || performance.now() > seeked + SETTLING_MS),
      `shows no frame after a seek to ${time}`,
    );
  }

  async play(rate) {
    this.video.playbackRate = rate;
    await this.video.play();
  }

  /** Plays up to that time, or to the end, and pauses there. */
  async playUntil(time, rate, patienceMs) {
    await this.play(rate);
    await this.reaches(time, patienceMs).finally(() => this.pause());
  }

  /** Resolves when it has got there, or to its end, or when it never will. */
  async reaches(time, patienceMs) {
    const done = () => this.video.ended || this.failed || (time !== null && this.video.currentTime >= time);
    await until(done, `does not get to ${time ?? "its end"}`, patienceMs);
  }

  /** Resolves when hls.js has found more to play than that. */
  async grows(length, patienceMs) {
    await until(() => this.video.duration > length || this.failed, `has no more than ${length} s`, patienceMs);
  }

  pause() {
    this.playingSince = null;
    this.video.pause();
  }

  state() {
    const { currentTime, duration, ended, paused, videoWidth, videoHeight, buffered } = this.video;
    const quality = this.video.getVideoPlaybackQuality();
    return {
      time_s: currentTime,
      duration_s: Number.isFinite(duration) ? duration : 0,
      ended,
      paused,
      width: videoWidth,
      height: videoHeight,
      frames: quality.totalVideoFrames,
      dropped: quality.droppedVideoFrames,
      buffered_s: Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]),
      errors: this.errors,
      stalls: this.stalls,
    };
  }

  /** Draws what is shown now; `read` gives its luma. Two steps, so that many players are drawn at one time. */
  draw(atMostWide) {
    const { videoWidth, videoHeight } = this.video;
    const width = Math.min(videoWidth, atMostWide ?? videoWidth);
    const height = Math.round((videoHeight * width) / videoWidth);
    const context = contextOf(width, height);
    context.drawImage(this.video, 0, 0, width, height);
    const { currentTime } = this.video;
    const mediaTime = this.lastFrame?.mediaTime ?? null;
    return () => ({
      frame_s: mediaTime,
      clock_s: currentTime,
      width,
      height,
      luma: lumaOf(context.getImageData(0, 0, width, height)).toBase64(),
    });
  }

  watch(rects) {
    this.watched = rects;
    this.frames = [];
  }

  close() {
    this.hls.destroy();
    this.video.remove();
  }

  #addVideo() {
    this.video = document.createElement("video");
    this.video.playsInline = true;
    this.video.addEventListener("playing", () => this.#onPlaying());
    this.video.addEventListener("ended", () => (this.playingSince = null));
    this.video.addEventListener("waiting", () => this.#onStall("waiting"));
    document.body.append(this.video);
    const onFrame = (now, { mediaTime }) => {
      this.lastFrame = { mediaTime, shownAt: performance.now() };
      if (this.watched) this.#record();
      this.video.requestVideoFrameCallback(onFrame);
    };
    this.video.requestVideoFrameCallback(onFrame);
  }

  #onPlaying() {
    if (!this.video.seeking) this.playingSince ??= this.video.currentTime;
  }

  #onError({ type, details, fatal, error }) {
    this.errors.push({ kind: type, details, fatal, message: error?.message ?? "", at_s: this.video.currentTime });
    if (details === Hls.ErrorDetails.BUFFER_STALLED_ERROR) this.#onStall(details);
  }

  #onStall(cause) {
    if (this.settled) this.stalls.push({ cause, at_s: this.video.currentTime });
  }

  /** The picture is taken out of the player first: time and pixels are those of one frame. */
  #record() {
    const picture = new VideoFrame(this.video);
    const time = picture.timestamp / 1e6;
    const early = (time - this.video.currentTime) / this.video.playbackRate;
    const rows = this.watched.map((rect) => barcodeRow(picture, rect));
    this.frames.push({ frame_s: time, early_s: early, rows });
    picture.close();
  }
}

/** Luma of the rows that carry a barcode (46 % to 50 % of the height), averaged into one, base64. */
function barcodeRow(picture, { x, y, w, h }) {
  const rows = Math.max(1, Math.round(0.04 * h));
  const context = contextOf(w, rows);
  context.drawImage(picture, x, Math.round(y + 0.46 * h), w, rows, 0, 0, w, rows);
  const luma = lumaOf(context.getImageData(0, 0, w, rows));
  const mean = new Uint8Array(w);
  for (let column = 0; column < w; column++) {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += luma[row * w + column];
    mean[column] = sum / rows;
  }
  return mean.toBase64();
}

function contextOf(width, height) {
  const canvas = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
  return canvas.getContext("2d", { willReadFrequently: true, alpha: false });
}

/** Luma (BT.601), full range, of RGBA. */
function lumaOf({ data }) {
  const luma = new Uint8Array(data.length / 4);
  for (let i = 0, at = 0; i < luma.length; i++, at += 4) {
    luma[i] = (77 * data[at] + 150 * data[at + 1] + 29 * data[at + 2] + 128) >> 8;
  }
  return luma;
}

async function until(holds, complaint, patienceMs = PATIENCE_MS) {
  const end = performance.now() + patienceMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${complaint} within ${patienceMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The sound of one player as the page hears it, on the clock of an AudioContext. */
class Ear {
  constructor(context, player) {
    this.blocks = [];
    this.offsets = []; // media time less context time, while it plays
    this.context = context;
    this.player = player;
    this.node = new AudioWorkletNode(context, "recorder", { numberOfInputs: 1, outputChannelCount: [1] });
    this.node.port.onmessage = ({ data }) => this.open && this.blocks.push(data);
    context.createMediaElementSource(player.video).connect(this.node).connect(context.destination);
    this.open = false;
  }

  start() {
    this.blocks = [];
    this.offsets = [];
    this.open = true;
    this.timer = setInterval(() => {
      if (this.player.settled) this.offsets.push(this.player.video.currentTime - this.context.currentTime);
    }, POLL_MS);
  }

  stop() {
    this.open = false;
    clearInterval(this.timer);
    const samples = new Float32Array(this.blocks.reduce((sum, { samples }) => sum + samples.length, 0));
    let at = 0;
    for (const block of this.blocks) {
      samples.set(block.samples, at);
      at += block.samples.length;
    }
    return {
      rate: this.context.sampleRate,
      first_s: (this.blocks[0]?.first ?? 0) / this.context.sampleRate,
      offsets_s: this.offsets,
      samples: new Uint8Array(samples.buffer).toBase64(),
    };
  }
}

globalThis.stage = {
  players: [],
  ears: [],

  async open(urls, startPosition) {
    this.players = urls.map((url) => new Player(url, startPosition));
    await this.each((player) => player.ready());
  },

  async listen(recorder) {
    const context = new AudioContext({ sampleRate: 48_000 });
    await context.audioWorklet.addModule(recorder);
    this.ears = this.players.map((player) => new Ear(context, player));
  },

  /** What `act` gives for each player; a failure says whose it is. */
  each(act) {
    return Promise.all(
      this.players.map(async (player, i) => {
        try {
          return await act(player, i);
        } catch (error) {
          throw new Error(`player ${i} ${error.message}; ${JSON.stringify(player.state())}`);
        }
      }),
    );
  },

  states() {
    return this.players.map((player) => player.state());
  },

  shown(atMostWide) {
    const drawn = this.players.map((player) => player.draw(atMostWide));
    return drawn.map((read) => read());
  },

  watch(rects) {
    this.players.forEach((player, i) => player.watch(rects[i]));
  },

  watched() {
    return this.players.map((player) => {
      const { frames } = player;
      player.watch(null);
      return frames;
    });
  },

  async heard(time, patienceMs) {
    this.ears.forEach((ear) => ear.start());
    await this.each((player) => player.playUntil(time, 1, patienceMs));
    await new Promise((resolve) => setTimeout(resolve, 200)); // the last block is under way
    return this.ears.map((ear) => ear.stop());
  },
};
