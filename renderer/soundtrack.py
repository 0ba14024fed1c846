"""The sound of one chunk: Opus packets of all heard peers to 375 frames of AAC.

Takes access-unit sources, the plan's audio and a chunk number; gives AAC frames on the grid of recording time.
Everything is placed by absolute sample number at 48 kHz, so chunks join to the sample: a packet stands where
the track's clock puts it, a gap is silence and never shifts what follows. What lies around the chunk (encoder
pre-roll, limiter look-ahead, decoder warm-up) is a fixed length, so a chunk has the same bytes whoever renders
it. Knows no pictures and no files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from compositing.loudness import LOUDNESS_CONTEXT, block_energies
from compositing.mix import LIMITER_CONTEXT, gain_ramp, limit, mix
from compositing.scene import PeerAudio
from compositing.times import SAMPLE_RATE, Span
from renderer.decode import OpusDecoder
from renderer.encode import AAC_FRAME, AAC_POSTROLL_FRAMES, AAC_PREROLL_FRAMES, encode_aac
from renderer.index import TrackIndex
from renderer.profiles import AudioProfile
from renderer.resample import read_at
from renderer.rtp.clock import ClockFit
from renderer.rtp.units import AccessUnit

CHUNK_SECONDS = 8
AAC_FRAMES_PER_CHUNK = CHUNK_SECONDS * SAMPLE_RATE // AAC_FRAME
CHUNK_SAMPLES = AAC_FRAMES_PER_CHUNK * AAC_FRAME
MARGIN_SAMPLES = (AAC_PREROLL_FRAMES + 2) * AAC_FRAME
"""What is mixed before and after a chunk: what the limiter, the loudness filter and the encoder look at."""
DECODER_WARM_UP_US = 500_000
CONCEAL_LIMIT_MS = 60
"""Lost audio is made up for so long, then there is silence."""
STALL_US = 20_000
"""A jump of recording time against the RTP clock by more than this begins a new run of samples."""
_SAMPLES_PER_MS = SAMPLE_RATE // 1000

assert CHUNK_SAMPLES == CHUNK_SECONDS * SAMPLE_RATE
assert max(AAC_PREROLL_FRAMES * AAC_FRAME + LIMITER_CONTEXT, LOUDNESS_CONTEXT) <= MARGIN_SAMPLES
assert AAC_POSTROLL_FRAMES * AAC_FRAME <= MARGIN_SAMPLES


@dataclass(frozen=True, slots=True, eq=False)
class HeardTrack:
    """One audio track of a peer, and how to read its packets."""

    peer_id: str
    index: TrackIndex
    nudge_us: int
    read: Callable[[int, int], Iterator[AccessUnit]]
    """`read(first_row, last_row)`: the units of these rows, both inclusive."""


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Samples without a break: `samples[i]` stands at `first_tick + i` of the RTP clock."""

    first_tick: int
    last_tick: int
    """Where its last packet begins: beyond, the clock may be that of another run."""
    samples: NDArray[np.float32]


def chunk_window(chunk: int) -> tuple[int, int]:
    """The samples [first, end) of recording time that decide what chunk number `chunk` sounds like."""
    first = chunk * CHUNK_SAMPLES
    return first - MARGIN_SAMPLES, first + CHUNK_SAMPLES + MARGIN_SAMPLES


def window_span(chunk: int) -> Span:
    """`chunk_window` in milliseconds, rounded outward."""
    first, end = chunk_window(chunk)
    return Span(first * 1000 // SAMPLE_RATE, -(-end * 1000 // SAMPLE_RATE))


def rows_heard(index: TrackIndex, nudge_us: int, chunk: int) -> tuple[int, int]:
    """The rows [first, end) of `index` that can be heard in a chunk, decoder warm-up included."""
    first, end = (sample * 1_000_000 // SAMPLE_RATE - nudge_us for sample in chunk_window(chunk))
    rows = np.searchsorted(index.time_us, [first - DECODER_WARM_UP_US, end])
    return int(rows[0]), int(rows[1])


def mix_chunk(chunk: int, audio: Sequence[PeerAudio], tracks: Iterable[HeardTrack]) -> NDArray[np.float32]:
    """The mix over `chunk_window(chunk)` before the limiter; (n, 2) float32."""
    first, end = chunk_window(chunk)
    heard = {a.peer_id: a for a in audio}
    sources = [
        (track_samples(track, chunk), gain_ramp(peer.spans, peer.gain_db, first, end - first))
        for track in tracks
        if (peer := heard.get(track.peer_id))
    ]
    return mix(sources) if sources else np.zeros((end - first, 2), np.float32)


def encode_chunk(
    mixed: NDArray[np.float32], gain_db: float, profile: AudioProfile
) -> tuple[bytes, tuple[bytes, ...]]:
    """AAC of what `mix_chunk` gave: the AudioSpecificConfig and 376 frames.

    The first frame is the one before the chunk: a decoder needs it when the file begins here.
    """
    samples = (AAC_PREROLL_FRAMES + AAC_FRAMES_PER_CHUNK + AAC_POSTROLL_FRAMES) * AAC_FRAME
    start = MARGIN_SAMPLES - AAC_PREROLL_FRAMES * AAC_FRAME - LIMITER_CONTEXT
    window = mixed[start : start + samples + 2 * LIMITER_CONTEXT] * np.float32(10 ** (gain_db / 20))
    config, frames = encode_aac(limit(window, LIMITER_CONTEXT), profile)
    first = AAC_PREROLL_FRAMES  # encode_aac's frame i + 1 holds the i-th 1024 samples
    return config, frames[first : first + AAC_FRAMES_PER_CHUNK + 1]


def chunk_energies(mixed: NDArray[np.float32]) -> NDArray[np.float64]:
    """The loudness blocks of a chunk, from what `mix_chunk` gave; (80,) float64."""
    return block_energies(mixed[: MARGIN_SAMPLES + CHUNK_SAMPLES], MARGIN_SAMPLES)


def track_samples(track: HeardTrack, chunk: int) -> NDArray[np.float32]:
    """What one track sounds like over `chunk_window(chunk)`; (n, 2) float32, silence where it sent nothing."""
    first, end = chunk_window(chunk)
    out = np.zeros((end - first, 2), np.float32)
    rows = rows_heard(track.index, track.nudge_us, chunk)
    if rows[0] < rows[1]:
        for run in _runs(track.index, track.read(rows[0], rows[1] - 1)):
            if run.samples.any():
                _place(run, track, first, out)
    return out


def _place(run: _Run, track: HeardTrack, first: int, out: NDArray[np.float32]) -> None:
    """Adds a run to `out`, whose sample 0 is sample `first` of recording time."""
    ticks, at_ms = _anchors(run, track.index.clock)
    at = (at_ms + track.nudge_us / 1000) * _SAMPLES_PER_MS - first
    lo, hi = max(0, int(np.ceil(at[0]))), min(len(out), int(np.ceil(at[-1])))
    if hi > lo:
        positions = np.interp(np.arange(lo, hi), at, (ticks - run.first_tick).astype(np.float64))
        out[lo:hi] += read_at(run.samples, positions)


def _anchors(run: _Run, clock: ClockFit) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ticks of a run and their recording time in ms, between which the clock is a straight line.

    Exact, so that a run is placed alike wherever a chunk has cut it. The last packet goes on as its run did:
    where the track stalls or jumps behind it, the clock there is no longer that of its samples.
    """
    knots = clock.knots_ticks
    inner = knots[(knots > run.first_tick) & (knots < run.last_tick)]
    ticks = np.unique(np.concatenate([[run.first_tick], inner, [run.last_tick]]))
    at_ms = clock.to_ms(ticks)
    end = run.first_tick + len(run.samples)
    if end == run.last_tick:
        return ticks, at_ms
    ms_per_tick = 1 / _SAMPLES_PER_MS if len(ticks) == 1 else (at_ms[-1] - at_ms[-2]) / (ticks[-1] - ticks[-2])
    return np.append(ticks, end), np.append(at_ms, at_ms[-1] + (end - run.last_tick) * ms_per_tick)


@dataclass(slots=True)
class _OpenRun:
    """A run that may still grow."""

    first_tick: int
    last_tick: int
    next_tick: int
    """Where its samples end."""
    row: int
    """Of its last packet."""
    pieces: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, samples: NDArray[np.float32]) -> None:
        self.pieces.append(samples)
        self.next_tick += len(samples)

    def done(self) -> _Run:
        return _Run(self.first_tick, self.last_tick, np.concatenate(self.pieces))


def _runs(index: TrackIndex, units: Iterable[AccessUnit]) -> Iterator[_Run]:
    """Decodes units and joins what is continuous, concealing short losses and packets that do not decode."""
    decoder = OpusDecoder()
    run: _OpenRun | None = None
    for unit in units:
        if run is not None and not _continues(index, run, unit):
            yield run.done()
            run = None
        if run is None:
            run = _OpenRun(unit.ticks, unit.ticks, unit.ticks, unit.index)
        elif unit.ticks > run.next_tick:
            run.add(_conceal(decoder, unit.ticks - run.next_tick))
        run.last_tick, run.row = unit.ticks, unit.index
        samples = decoder.decode(unit.data)
        run.add(samples if len(samples) else decoder.conceal())
    if run is not None:
        yield run.done()


def _continues(index: TrackIndex, run: _OpenRun, unit: AccessUnit) -> bool:
    """Whether a unit follows a run on one clock: at once, or after packets that were lost."""
    lost = index.first_seq[unit.index] - index.last_seq[run.row] - 1
    follows = unit.ticks == run.next_tick or (unit.ticks > run.next_tick and lost > 0)
    passed_us = index.time_us[unit.index] - index.time_us[run.row]
    stall_us = abs(passed_us - (unit.ticks - run.last_tick) * 1_000_000 // SAMPLE_RATE)
    return bool(follows and stall_us < STALL_US)


def _conceal(decoder: OpusDecoder, missing_ticks: int) -> NDArray[np.float32]:
    """Samples for a gap: made up, and faded out into silence where that may not go on."""
    wanted = min(missing_ticks, CONCEAL_LIMIT_MS * SAMPLE_RATE // 1000)
    pieces: list[NDArray[np.float32]] = []
    while wanted > sum(map(len, pieces)):
        piece = decoder.conceal()
        if not len(piece):
            break
        pieces.append(piece)
    made_up = np.concatenate(pieces)[:wanted] if pieces else np.zeros((0, 2), np.float32)
    if len(made_up) < missing_ticks and len(made_up):
        made_up = made_up * np.linspace(1, 0, len(made_up), dtype=np.float32)[:, None]
    return np.concatenate([made_up, np.zeros((missing_ticks - len(made_up), 2), np.float32)])
