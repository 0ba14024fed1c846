"""RTP packets, parsed all at once (RFC 3550 section 5.1).

Takes a buffer and where each packet lies in it; gives a table with one row per packet, in the same order.
Bad packets are ordinary: a row that breaks the format is flagged `valid = False` and nothing is raised.
Knows no codec, no segment file, and no meaning of time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Octets = NDArray[np.uint8]

FIXED_HEADER_BYTES = 12

#     0                   1                   2                   3
#     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |V=2|P|X|  CC   |M|     PT      |       sequence number         |
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |                           timestamp                           |
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |           synchronization source (SSRC) identifier            |
#    +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
#    |            contributing source (CSRC) identifiers ...         |
_FIXED = np.dtype(
    [("b0", "u1"), ("b1", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")]
)


@dataclass(frozen=True, eq=False, slots=True)
class Payloads:
    """Where the payloads of n packets lie: `octets[start[i]:end[i]]`; both are (n,) int64."""

    octets: Octets
    start: Ints
    end: Ints

    def __len__(self) -> int:
        return len(self.start)

    def octet(self, at: Ints) -> Ints:
        """The byte of each packet at the absolute position `at`, 0 where that is beyond its payload."""
        if not len(self.octets):
            return np.zeros(len(at), np.int64)
        inside = (at >= self.start) & (at < self.end)
        return np.where(inside, self.octets.take(at, mode="clip"), 0).astype(np.int64)

    def payload(self, row: int) -> bytes:
        """The payload of packet `row`."""
        return self.octets[self.start[row] : self.end[row]].tobytes()


@dataclass(frozen=True, eq=False, slots=True)
class PacketTable:
    """n RTP packets. All columns are (n,); positions are offsets into `octets`.

    Where `valid` is False the other columns of that row mean nothing, and its payload is empty.
    """

    octets: Octets
    sequence: Ints
    """16 bit."""
    timestamp: Ints
    """32 bit, in ticks of the payload's clock."""
    marker: Bools
    payload_type: Ints
    ssrc: Ints
    payload_start: Ints
    payload_end: Ints
    extension_profile: Ints
    """The 16 bits "defined by profile" of the header extension, 0 where there is none."""
    extension_start: Ints
    extension_end: Ints
    valid: Bools
    empty: Bools
    """Valid, but without payload: padding only (bandwidth probes)."""

    def __len__(self) -> int:
        return len(self.sequence)

    def payloads(self) -> Payloads:
        """The payloads of all rows."""
        return Payloads(self.octets, self.payload_start, self.payload_end)


def parse_packets(data: bytes, offsets: Ints, lengths: Ints) -> PacketTable:
    """Parses the packets at `data[offsets[i]:offsets[i] + lengths[i]]`; never raises for what they hold."""
    octets = np.frombuffer(data, np.uint8)
    offsets, lengths = offsets.astype(np.int64), lengths.astype(np.int64)
    valid = (lengths >= FIXED_HEADER_BYTES) & (offsets >= 0) & (offsets + lengths <= len(octets))
    head = _fixed_headers(octets, offsets)
    end = offsets + lengths
    b0, b1 = head["b0"].astype(np.int64), head["b1"].astype(np.int64)
    start = offsets + FIXED_HEADER_BYTES + 4 * (b0 & 0x0F)
    valid &= (b0 >> 6 == 2) & (start <= end)

    profile, ext_start, ext_end, fits = _extensions(octets, start, end, (b0 & 0x10 != 0) & valid)
    start = np.where(ext_end > 0, ext_end, start)
    padding, padded_well = _padding(octets, end, (b0 & 0x20 != 0) & valid)
    end = end - padding
    valid &= fits & padded_well & (start <= end)
    zero = np.zeros_like(start)
    return PacketTable(
        octets=octets,
        sequence=head["sequence"].astype(np.int64),
        timestamp=head["timestamp"].astype(np.int64),
        marker=b1 & 0x80 != 0,
        payload_type=b1 & 0x7F,
        ssrc=head["ssrc"].astype(np.int64),
        payload_start=np.where(valid, start, zero),
        payload_end=np.where(valid, end, zero),
        extension_profile=np.where(valid, profile, zero),
        extension_start=ext_start,
        extension_end=np.where(valid, ext_end, ext_start),
        valid=valid,
        empty=valid & (start == end),
    )


def _fixed_headers(octets: Octets, offsets: Ints) -> NDArray[np.void]:
    """The first 12 bytes at each offset, gathered at once; rows that do not fit read something else."""
    if len(octets) < FIXED_HEADER_BYTES:
        return np.zeros(len(offsets), _FIXED)
    windows = sliding_window_view(octets, FIXED_HEADER_BYTES)
    rows = windows[np.clip(offsets, 0, len(windows) - 1)]
    return rows.view(_FIXED)[:, 0]


#     0                   1                   2                   3
#     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |      defined by profile       |    length (32-bit words)      |
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |                        header extension                       |
def _extensions(octets: Octets, at: Ints, end: Ints, present: Bools) -> tuple[Ints, Ints, Ints, Bools]:
    """Profile, start and end of the header extensions (RFC 3550 5.3.1), and which rows hold theirs whole."""
    profile, first, after = (np.zeros(len(at), np.int64) for _ in range(3))
    fits = np.ones(len(at), np.bool_)
    rows = np.nonzero(present)[0]
    fits[rows] = at[rows] + 4 <= end[rows]
    rows = rows[fits[rows]]
    q = at[rows]
    profile[rows] = _u16(octets, q)
    first[rows] = q + 4
    after[rows] = q + 4 + 4 * _u16(octets, q + 2)
    fits[rows] = after[rows] <= end[rows]
    return profile, first, after, fits


def _padding(octets: Octets, end: Ints, present: Bools) -> tuple[Ints, Bools]:
    """Bytes of padding of each packet; its count is the last byte and counts itself, so 0 is malformed."""
    padding = np.zeros(len(end), np.int64)
    rows = np.nonzero(present)[0]
    padding[rows] = octets[end[rows] - 1]
    return padding, ~present | (padding > 0)


def _u16(octets: Octets, at: Ints) -> Ints:
    return octets[at].astype(np.int64) << 8 | octets[at + 1]
