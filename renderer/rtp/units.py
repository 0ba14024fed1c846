"""The values that leave the RTP layer, and what every codec must offer to it.

An access unit is what one call of a decoder takes: one picture (all its spatial layers), or one Opus packet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from renderer.rtp.packet import Bools, Ints, Payloads


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One access unit, ready for the decoder."""

    index: int
    """Its row in the track's index."""
    time_us: int
    """Recording time in microseconds."""
    ticks: int
    """Unwrapped RTP timestamp."""
    data: bytes = field(repr=False)
    """For the decoder: VP8 frame, VP9 (super)frame, H.264 Annex B, AV1 OBUs with sizes, Opus packet.

    Of an incomplete unit what can still be used; empty where that is nothing."""
    keyframe: bool
    complete: bool
    """No packet of it is missing, and they could be put together."""
    gap_before: bool
    """Packets are missing between the unit before and this one."""
    clean: bool
    """It decodes without damage after a complete keyframe and clean units since."""
    rotation: int
    """Degrees clockwise to turn the decoded picture: 0, 90, 180 or 270."""
    width: int
    height: int
    samples: int
    """Opus: samples at 48 kHz that it decodes to; else 0."""


@dataclass(frozen=True, eq=False, slots=True)
class PayloadFacts:
    """What the leading bytes of n payloads tell, one row per packet; all columns are (n,)."""

    valid: Bools
    """The payload descriptor is well formed."""
    starts: Bools
    """Surely opens an access unit."""
    continues: Bools
    """Surely does not open one."""
    unfinished: Bools
    """Surely does not close one."""
    key_parts: Ints
    """Bits of what makes a keyframe; a unit whose packets have all of `Codec.key_parts` is one."""
    width: Ints
    """Pixels, of packets that tell the picture size; else 0."""
    height: Ints
    samples: Ints
    """Opus: samples at 48 kHz; else 0."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload format."""

    name: str
    clock_rate: int
    """Ticks per second of the RTP timestamp."""
    key_parts: int
    """All bits that the packets of a keyframe have together."""
    unit_per_packet: bool
    """Every packet is an access unit of its own (audio)."""
    inspect: Callable[[Payloads], PayloadFacts]
    """Reads the leading bytes of many payloads at once; never raises for what they hold."""
    depacketise: Callable[[Sequence[bytes | None]], bytes]
    """Payloads of one access unit in sequence order, None where one is missing, to bytes for the decoder.

    Raises MalformedPayload. What cannot be used for lack of the missing packets is left out."""
