"""Opus in RTP (RFC 7587): a payload is an Opus packet; its table of contents tells how long it sounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from renderer.errors import MalformedPayload
from renderer.rtp.packet import Ints, Payloads
from renderer.rtp.units import Codec, PayloadFacts

MAX_PACKET_SAMPLES = 5760
"""120 ms at 48 kHz, the most that one packet may hold (RFC 6716 section 3.4, R5)."""

#   RFC 6716 section 3.1, the TOC byte
#     0 1 2 3 4 5 6 7
#    +-+-+-+-+-+-+-+-+     config 0..11 SILK of 10, 20, 40, 60 ms; 12..15 hybrid of 10, 20 ms;
#    | config  |s| c |     16..31 CELT of 2.5, 5, 10, 20 ms
#    +-+-+-+-+-+-+-+-+     c: 1, 2 (equal), 2 frames, or a count in the next byte
_FRAME_SAMPLES: Ints = np.array(
    [480, 960, 1920, 2880] * 3 + [480, 960] * 2 + [120, 240, 480, 960] * 4, dtype=np.int64
)


def inspect(payloads: Payloads) -> PayloadFacts:
    """Every payload is a whole unit; `samples` from the TOC, 0 and not valid where it is malformed."""
    samples = _samples(payloads)
    nothing = np.zeros(len(payloads), np.bool_)
    return PayloadFacts(
        valid=samples > 0,
        starts=samples > 0,
        continues=nothing,
        unfinished=nothing,
        key_parts=(samples > 0).astype(np.int64),
        width=np.zeros(len(payloads), np.int64),
        height=np.zeros(len(payloads), np.int64),
        samples=samples,
    )


def _samples(payloads: Payloads) -> Ints:
    length = payloads.end - payloads.start
    toc = payloads.octet(payloads.start)
    code = toc & 3
    counted = np.where(length >= 2, payloads.octet(payloads.start + 1) & 0x3F, 0)
    frames = np.where(code == 3, counted, np.where(code == 0, 1, 2))
    samples = frames * _FRAME_SAMPLES[toc >> 3]
    uneven = (code == 1) & (length % 2 == 0)
    return np.where((length == 0) | uneven | (samples > MAX_PACKET_SAMPLES), 0, samples)


def depacketise(payloads: Sequence[bytes | None]) -> bytes:
    """The Opus packet; raises MalformedPayload unless there is exactly one that holds something."""
    present = [payload for payload in payloads if payload]
    if len(present) != 1:
        raise MalformedPayload("opus", f"{len(present)} packets where one is meant")
    return present[0]


OPUS = Codec("opus", 48_000, 1, True, inspect, depacketise)
