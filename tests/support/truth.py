"""Reads the truth from an exported file: which picture is shown when, and when a beep is heard.

Pictures carry a barcode with the time at which they were drawn, sound has a beep of its peer's pitch on each
whole second; so synchronism, seams and placement are measured from the output alone. Output time is that of
the file; `start_ms` is the recording time at which it begins. Independent of renderer and compositing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from tests.support.barcode import WRAP_MS, read_barcode

Rectangle = tuple[float, float, float, float]
"""(x, y, w, h) in pixels of where the WHOLE source picture lies; see `read_barcode`."""
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BEEP_MS = 60.0
_STEP_MS = 0.5
"""Resolution of the envelope; onsets are interpolated between its points."""
_BAND_MS = 6.5
"""Length of the low-pass that keeps a beep's own band and not its neighbours', 150 Hz away."""
_LOUD_SHARE = 0.35
"""A beep has at least this share of the loudest one's amplitude."""
_QUIET_SHARE = 0.4
"""Just before and just after a beep its band has at most this share of its amplitude, on average."""
_NEAR_MS, _FAR_MS = 4.0, 40.0
"""How far from a beep's edges that is measured."""
_PURE_SHARE = 0.7
"""A beep has at least this share of its band's power in one steady tone."""
_FLOOR = 1e-3
_APART_MS = 400.0


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """What was legible in one rectangle, frame by frame: three arrays of one length."""

    frame: Ints
    """Number of the output frame: its time times the frame rate."""
    index: Ints
    content_ms: Ints
    """When the picture was drawn: recording time, rounded down to 10 ms."""

    def of(self, index: int) -> Times:
        """Those readings that show `index`."""
        own = self.index == index
        return Times(self.frame[own], self.index[own], self.content_ms[own])


class Spread(NamedTuple):
    """Quantiles of (content time - output time) in ms. A picture shown at once, held for 1/fps, and told to
    10 ms, lies between -(1/fps + 10 ms) and 0."""

    p5: float
    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Watched:
    """One peer to be measured: where the source picture lies in the frame, its index, its pitch."""

    rect: Rectangle
    index: int
    beep_hz: float


@dataclass(frozen=True, slots=True)
class Sync:
    """How one peer's pictures and sound lie against the clock of the output."""

    picture: Spread
    frames: int
    """How many frames were legible and showed the peer."""
    strangers: int
    """How many legible frames showed somebody else."""
    monotonic: bool
    sound_ms: float
    """Median of (beep onset - its whole second) on recording time; NaN without beeps."""
    beeps: int

    @property
    def skew_ms(self) -> float:
        """How much later the sound is than the picture, as told by the medians."""
        return self.sound_ms + self.picture.median


def read_times(path: Path, rects: Mapping[str, Rectangle], *, start_ms: float = 0.0) -> dict[str, Times]:
    """Decodes the video of `path` once and reads the barcode in each of `rects` on each frame."""
    rows: dict[str, list[tuple[int, int, int]]] = {name: [] for name in rects}
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        rate = stream.average_rate
        assert rate is not None
        assert stream.time_base is not None
        for picture in container.decode(stream):
            assert picture.pts is not None
            number = round(picture.pts * stream.time_base * rate)
            luma = luma_of(picture)
            for name, rect in rects.items():
                seen = read_barcode(luma, *rect)
                if seen:
                    rows[name].append((number, seen[0], _unwrapped(seen[1], start_ms + 1000 * number / rate)))
    tables = {name: np.array(found, np.int64).reshape(-1, 3) for name, found in rows.items()}
    return {name: Times(*table.T) for name, table in tables.items()}


def luma_of(picture: av.VideoFrame) -> NDArray[np.uint8]:
    """The luma of a decoded 8-bit planar picture: a view, (H, W) uint8."""
    plane = picture.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    luma: NDArray[np.uint8] = rows[:, : plane.width]
    return luma


def spread(content_ms: Ints, frame: Ints, fps: float, *, start_ms: float = 0.0) -> Spread:
    """How far the pictures shown are from the time at which they are shown."""
    off = content_ms - (start_ms + frame * 1000.0 / fps)
    p5, median, p95 = np.percentile(off, (5, 50, 95))
    return Spread(float(p5), float(median), float(p95))


def monotonic(times: Times) -> bool:
    """Whether no picture is older than the one before it."""
    return bool(np.all(np.diff(times.content_ms) >= 0))


def samples_of(path: Path) -> tuple[Floats, int]:
    """The first audio stream of `path` as mono samples placed by their timestamps, and its rate in Hz."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        rate = stream.codec_context.sample_rate
        pieces: list[tuple[int, Floats]] = []
        for frame in container.decode(stream):
            assert frame.pts is not None
            assert frame.time_base is not None
            pieces.append((round(frame.pts * frame.time_base * rate), _mono(frame)))
    whole = np.zeros(max((at + len(piece) for at, piece in pieces), default=0))
    for at, piece in pieces:
        begin = max(at, 0)
        whole[begin : at + len(piece)] = piece[begin - at :]
    return whole, rate


def beeps(source: Path | NDArray[np.floating], hz: float, *, rate: int = 48_000) -> Floats:
    """Onsets in ms, rising, of the 60 ms beeps of pitch `hz` in a file or in mono samples of `rate` Hz.

    A beep is a steady tone of that length with quiet around it in its band; others may speak and beep at the
    same time. Onsets are exact to about 1 ms.
    """
    if isinstance(source, Path):
        source, rate = samples_of(source)
    band = _in_band(np.asarray(source, np.float64), hz, rate)
    length = round(_BEEP_MS / _STEP_MS)
    if len(band) < 2 * length:
        return np.empty(0)
    match = np.abs(_moving_mean(band, length))
    envelope = np.abs(_moving_mean(band, round(_BAND_MS / _STEP_MS)))
    found = [_refined(match, peak) for peak in _peaks(match) if _is_beep(match[peak], envelope, peak)]
    return np.array(found) * _STEP_MS


def sync_report(
    path: Path, peers: Mapping[str, Watched], *, fps: float, start_ms: float = 0.0
) -> dict[str, Sync]:
    """Measures pictures and sound of each of `peers` in the file."""
    seen = read_times(path, {name: peer.rect for name, peer in peers.items()}, start_ms=start_ms)
    samples, rate = samples_of(path)
    return {
        name: _sync(seen[name], peer, start_ms + beeps(samples, peer.beep_hz, rate=rate), fps, start_ms)
        for name, peer in peers.items()
    }


def off_second(onsets_ms: Floats) -> Floats:
    """How much later than the nearest whole second each onset is, in ms."""
    off: Floats = onsets_ms - np.round(onsets_ms / 1000) * 1000
    return off


def _sync(seen: Times, peer: Watched, onsets_ms: Floats, fps: float, start_ms: float) -> Sync:
    own = seen.of(peer.index)
    empty = Spread(float("nan"), float("nan"), float("nan"))
    return Sync(
        picture=spread(own.content_ms, own.frame, fps, start_ms=start_ms) if len(own.frame) else empty,
        frames=len(own.frame),
        strangers=len(seen.frame) - len(own.frame),
        monotonic=monotonic(own),
        sound_ms=float(np.median(off_second(onsets_ms))) if len(onsets_ms) else float("nan"),
        beeps=len(onsets_ms),
    )


def _unwrapped(told_ms: int, near_ms: float) -> int:
    """The time nearest to `near_ms` that the barcode tells as `told_ms`."""
    return told_ms + round((near_ms - told_ms) / WRAP_MS) * WRAP_MS


def _mono(frame: av.AudioFrame) -> Floats:
    samples = frame.to_ndarray().astype(np.float64)
    if not frame.format.is_planar:
        samples = samples.reshape(-1, len(frame.layout.channels)).T
    if frame.format.name.startswith("s16"):
        samples = samples / 32768
    mixed: Floats = samples.mean(axis=0)
    return mixed


def _in_band(samples: Floats, hz: float, rate: int) -> NDArray[np.complex128]:
    """The samples shifted down by `hz`, one mean per `_STEP_MS`; of modulus 1 for a full-scale sine."""
    step = round(rate * _STEP_MS / 1000)
    count = len(samples) // step
    turns = np.exp(-2j * np.pi * hz / rate * np.arange(count * step))
    band: NDArray[np.complex128] = 2 * (samples[: count * step] * turns).reshape(count, step).mean(axis=1)
    return band


def _moving_mean(values: NDArray[Any], length: int) -> NDArray[Any]:
    """Means of `length` neighbours; the first is that of values[:length]."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    means: NDArray[Any] = (sums[length:] - sums[:-length]) / length
    return means


def _peaks(match: Floats) -> list[int]:
    """Places of local maxima that are loud enough, the loudest of those too near to one another."""
    floor = max(_FLOOR, _LOUD_SHARE * float(match.max()))
    inner = match[1:-1]
    places = np.flatnonzero((inner >= match[:-2]) & (inner > match[2:]) & (inner >= floor)) + 1
    apart = _APART_MS / _STEP_MS
    taken: list[int] = []
    for place in places[np.argsort(-match[places])].tolist():
        if all(abs(place - other) >= apart for other in taken):
            taken.append(place)
    return sorted(taken)


def _is_beep(amplitude: float, envelope: Floats, begin: int) -> bool:
    """Whether the tone of that mean amplitude is steady from `begin` on, with quiet before and after it."""
    near, far, band, length = (round(ms / _STEP_MS) for ms in (_NEAR_MS, _FAR_MS, _BAND_MS, _BEEP_MS))
    before = envelope[max(0, begin - far) : max(0, begin - near - band)]
    after = envelope[begin + length + near : begin + length + far]
    quiet = all(side.mean() <= _QUIET_SHARE * amplitude for side in (before, after) if len(side))
    power = float((envelope[begin : begin + length] ** 2).mean())
    return quiet and amplitude**2 >= _PURE_SHARE * power


def _refined(match: Floats, peak: int) -> float:
    """The place of the top of the triangle around `peak`: the balance point of what is above 80 %."""
    reach = round(_BEEP_MS / _STEP_MS / 5)
    first = max(0, peak - reach)
    over = np.maximum(match[first : peak + reach + 1] - 0.8 * match[peak], 0.0)
    return first + float(over @ np.arange(len(over)) / over.sum())
