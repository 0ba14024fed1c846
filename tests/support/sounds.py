"""Sounds that tell the time: beeps on whole seconds over a soft tone or silence, and their Opus packets.

Samples are float32 at 48 kHz. The encoder's look-ahead is made up for: what a decoder gives for a packet is
what was heard at that packet's time. Knows no RTP and no file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from tests.support.spec import Microphone, Spans

Samples = NDArray[np.float32]

RATE = 48_000
FRAME = 960
"""Samples in a packet: 20 ms."""
BEEP_MS = 60
ATTACK_MS = 2
BEEP_AMPLITUDE = 0.35
_SOFT_AMPLITUDE = 0.05
_SOFT_HZ = 210
_HUSH_BEFORE_MS, _HUSH_AFTER_MS = 60, 120
_LOOKAHEAD = 312
"""Samples by which libopus is late."""
_SILENT_BYTES = 3
_DTX_EVERY = 20
"""With DTX one packet in so many is sent in silence: every 400 ms."""
_MARGIN_MS = 100
"""No beep so near to the beginning of a track: decoders need a moment."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One packet of 20 ms: its number in the track, its bytes and its level in -dBov (0..127)."""

    number: int
    data: bytes
    level: int


def beep_times(spans: Spans, pauses: Spans, start_ms: int) -> tuple[int, ...]:
    """The whole seconds at which a beep sounds, whole, within `spans` and outside of `pauses`."""
    return tuple(
        second
        for begin, end in spans
        for second in range(-(-begin // 1000) * 1000, end - BEEP_MS + 1, 1000)
        if second >= start_ms + _MARGIN_MS
        and not any(a - BEEP_MS < second < b + _MARGIN_MS for a, b in pauses)
    )


def synthesise(
    times_ms: NDArray[np.float64], hz: float, beeps_ms: Iterable[float], soft: Spans
) -> Samples:
    """What is heard at `times_ms` (rising): beeps of `hz` at `beeps_ms`, a soft tone within `soft`."""
    sound = np.zeros(len(times_ms))
    for begin, end in soft:
        _add_soft_tone(sound, times_ms, begin, end)
    for onset in beeps_ms:
        a, b = np.searchsorted(times_ms, (onset - _HUSH_BEFORE_MS, onset + _HUSH_AFTER_MS))
        sound[a:b] = 0.0
        a, b = np.searchsorted(times_ms, (onset, onset + BEEP_MS))
        since = times_ms[a:b] - onset
        sound[a:b] = BEEP_AMPLITUDE * _edges(since) * np.sin(2 * np.pi * hz * since / 1000)
    return sound.astype(np.float32)


def encode(
    microphone: Microphone, start_ms: float, count: int, hz: float, beeps_ms: tuple[int, ...], soft: Spans
) -> list[Heard]:
    """The packets of `count` times 20 ms of the sender's clock, less those that DTX spares."""
    clock = 48.0 * (1 + microphone.network.drift_ppm * 1e-6)
    heard = np.arange(count * FRAME + _LOOKAHEAD)[_LOOKAHEAD:]
    sound = synthesise(start_ms + heard / clock, hz, beeps_ms, soft)
    levels = _levels(sound.reshape(count, FRAME))
    packets = []
    silent = 0
    for number, data in enumerate(_opus(sound, count, microphone)):
        silent = silent + 1 if len(data) <= _SILENT_BYTES else 0
        if not (microphone.dtx and silent):
            packets.append(Heard(number, data, int(levels[number])))
        elif silent % _DTX_EVERY == 1:
            packets.append(Heard(number, data[:1], 127))
    return packets


def _opus(sound: Samples, count: int, microphone: Microphone) -> list[bytes]:
    encoder = av.AudioCodecContext.create("libopus", "w")
    encoder.sample_rate = RATE
    encoder.layout = "stereo" if microphone.channels == 2 else "mono"
    encoder.format = av.AudioFormat("flt")
    encoder.bit_rate = microphone.bitrate
    encoder.time_base = Fraction(1, RATE)
    encoder.options = {"application": "voip", "frame_duration": "20"}
    packets: list[bytes] = []
    for number in range(count):
        piece = sound[number * FRAME : (number + 1) * FRAME]
        if microphone.channels == 2:
            piece = np.stack([piece, piece * np.float32(0.5)], axis=1).reshape(-1)
        frame = av.AudioFrame.from_ndarray(piece[None], "flt", encoder.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = RATE, number * FRAME, encoder.time_base
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    packets += [bytes(packet) for packet in encoder.encode(None)]
    return packets[:count]


def _add_soft_tone(sound: NDArray[np.float64], times_ms: NDArray[np.float64], begin: int, end: int) -> None:
    a, b = np.searchsorted(times_ms, (begin, end))
    t = times_ms[a:b] / 1000
    sound[a:b] += _SOFT_AMPLITUDE * (0.7 + 0.3 * np.sin(2 * np.pi * 4 * t)) * np.sin(2 * np.pi * _SOFT_HZ * t)


def _edges(since_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """The beep's envelope: 2 ms up, 2 ms down."""
    return np.minimum(1.0, np.minimum(since_ms, BEEP_MS - since_ms) / ATTACK_MS)


def _levels(frames: Samples) -> NDArray[np.int64]:
    power = np.maximum((frames.astype(np.float64) ** 2).mean(axis=1), 1e-13)
    levels: NDArray[np.int64] = np.clip(np.round(-10 * np.log10(power)), 0, 127).astype(np.int64)
    return levels
