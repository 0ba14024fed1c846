"""Counters that wrap around, made whole: 16-bit sequence numbers and 32-bit timestamps.

Takes raw values in the order they came, gives int64 that never wrap and equal the raw value modulo 2^bits.
Knows no time and no packet.
"""

from __future__ import annotations

import numpy as np

from renderer.rtp.packet import Bools, Ints

SEQUENCE_BITS = 16
TIMESTAMP_BITS = 32

MAX_DROPOUT = 3000
"""A step of more packets is no loss: a stray packet, or a stream that began anew (RFC 3550 A.1)."""


def unwrap(raw: Ints, bits: int) -> Ints:
    """Each value is the one nearest to the value before it; the first is as it is."""
    if not len(raw):
        return raw.astype(np.int64)
    return _summed(raw, _steps(raw, 1 << bits))


def unwrap_ticks(raw: Ints, max_back_ticks: int) -> Ints:
    """32-bit timestamps in sequence order; a step back of more than `max_back_ticks` goes on forwards.

    So a stream whose timestamps begin anew still has one tick for each instant.
    """
    if not len(raw):
        return raw.astype(np.int64)
    modulus = 1 << TIMESTAMP_BITS
    steps = _steps(raw, modulus)
    steps = np.where(steps < -max_back_ticks, steps + modulus, steps)
    return _summed(raw, steps)


def unwrap_sequence(raw: Ints) -> tuple[Ints, Bools]:
    """Sequence numbers in the order of arrival, and which of them are strays.

    A lone number more than `MAX_DROPOUT` away from both neighbours, which agree with each other, is a stray
    (a damaged header). A step that far which lasts is a stream begun anew: it goes on forwards.
    """
    raw = raw.astype(np.int64)
    stray = _strays(raw)
    kept = raw[~stray]
    whole = np.zeros(len(raw), np.int64)
    if len(kept):
        steps = _steps(kept, 1 << SEQUENCE_BITS)
        steps = np.where(steps < -MAX_DROPOUT, steps + (1 << SEQUENCE_BITS), steps)
        whole[~stray] = _summed(kept, steps)
    return whole, stray


def _strays(raw: Ints) -> Bools:
    stray = np.zeros(len(raw), np.bool_)
    if len(raw) < 3:
        return stray
    far = np.abs(_steps(raw, 1 << SEQUENCE_BITS)) > MAX_DROPOUT
    skip = raw[2:] - raw[:-2]
    back = np.abs(_nearest(skip, 1 << SEQUENCE_BITS)) <= MAX_DROPOUT
    for i in np.nonzero(far[:-1] & far[1:] & back)[0] + 1:
        stray[i] = not stray[i - 1]
    return stray


def _summed(raw: Ints, steps: Ints) -> Ints:
    whole: Ints = np.concatenate((raw[:1], steps)).astype(np.int64)
    return np.cumsum(whole)


def _steps(raw: Ints, modulus: int) -> Ints:
    raw = raw.astype(np.int64)
    return _nearest(raw[1:] - raw[:-1], modulus)


def _nearest(difference: Ints, modulus: int) -> Ints:
    half = modulus // 2
    return (difference + half) % modulus - half
