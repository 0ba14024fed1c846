"""The sound of one chunk: Opus packets of all heard peers to 375 frames of AAC.

Takes access-unit sources, the plan's audio and a chunk number; gives AAC frames on the grid of recording time.
Everything is placed by absolute sample number at 48 kHz, so chunks join to the sample: a packet stands where
the track's clock puts it, a gap is silence and never shifts what follows. What lies around the chunk (encoder
pre-roll, limiter look-ahead, decoder warm-up) is a fixed length, so a chunk has the same bytes whoever renders
it. Knows no pictures and no files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

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
assert MARGIN_SAMPLES >= max(AAC_PREROLL_FRAMES * AAC_FRAME + LIMITER_CONTEXT, LOUDNESS_CONTEXT)
assert MARGIN_SAMPLES >= AAC_POSTROLL_FRAMES * AAC_FRAME


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
        (track_samples(track, chunk), gain_ramp(heard[track.peer_id].spans, heard[track.peer_id].gain_db, first, end - first))
        for track in tracks
        if track.peer_id in heard
    ]  # fmt: skip
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

    Exact, so that a run is placed alike wherever a chunk has cut it. The last packet goes on at nominal speed:
    where its track stalls or jumps behind it, the clock there is no longer that of its samples.
    """
    knots = clock.knots_ticks
    inner = knots[(knots > run.first_tick) & (knots < run.last_tick)]
    ticks = np.unique(np.concatenate([[run.first_tick], inner, [run.last_tick]]))
    at_ms = clock.to_ms(ticks)
    end = run.first_tick + len(run.samples)
    if end == run.last_tick:
        return ticks, at_ms
    return np.append(ticks, end), np.append(at_ms, at_ms[-1] + (end - run.last_tick) / _SAMPLES_PER_MS)


def _runs(index: TrackIndex, units: Iterable[AccessUnit]) -> Iterator[_Run]:
    """Decodes units and joins what is continuous, concealing short losses."""
    decoder = OpusDecoder()
    pieces: list[NDArray[np.float32]] = []
    first_tick = last_tick = next_tick = 0
    before = -1
    for unit in units:
        if pieces and _continues(index, before, unit.index, next_tick):
            if unit.ticks > next_tick:
                made_up = _conceal(decoder, unit.ticks - next_tick)
                pieces.append(made_up)
                next_tick += len(made_up)
        if pieces and not (unit.ticks == next_tick and _continues(index, before, unit.index, next_tick)):
            yield _Run(first_tick, last_tick, np.concatenate(pieces))
            pieces = []
        if not pieces:
            first_tick = next_tick = unit.ticks
        last_tick = unit.ticks
        samples = decoder.decode(unit.data)
        pieces.append(samples)
        next_tick += len(samples)
        before = unit.index
    if pieces:
        yield _Run(first_tick, last_tick, np.concatenate(pieces))


def _continues(index: TrackIndex, before: int, row: int, next_tick: int) -> bool:
    """Whether a row follows the one before on one clock: at once, or after packets that were lost."""
    lost = index.first_seq[row] - index.last_seq[before] - 1
    ticks = index.ticks[row] - index.ticks[before]
    stall = abs((index.time_us[row] - index.time_us[before]) - ticks * 1_000_000 // SAMPLE_RATE)
    return bool(index.ticks[row] >= next_tick and (index.ticks[row] == next_tick or lost > 0) and stall < STALL_US)


def _conceal(decoder: OpusDecoder, missing_ticks: int) -> NDArray[np.float32]:
    """Made-up samples for a gap, faded out at the end of what may be concealed."""
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
