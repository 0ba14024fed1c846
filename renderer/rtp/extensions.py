"""RTP header extensions (RFC 8285), found in all packets at once.

Takes a `PacketTable`; gives where the element of one identifier lies in each row. Identifiers are agreed in
signalling, which is not recorded: `ExtensionIds` holds the ones of the SFU, and the audio level alone may be
recognised by its shape where they do not fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from renderer.rtp.packet import Bools, Ints, PacketTable

ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000
"""The low four bits are "appbits" and carry no meaning here."""

NO_LEVEL = 255
_ALMOST_ALWAYS = 0.9


@dataclass(frozen=True, slots=True)
class ExtensionIds:
    """The identifiers of the header extensions; the defaults are mediasoup's."""

    mid: int = 1
    abs_send_time: int = 4
    transport_cc: int = 5
    audio_level: int = 10
    video_orientation: int = 11


def find_extension(table: PacketTable, identifier: int) -> tuple[Ints, Ints]:
    """Position and length in bytes of the element `identifier` of each packet; position -1 where absent.

    The first element of that identifier counts. An element that runs over the end of its extension, and the
    reserved identifier 15 of the one-byte form, end the walk.
    """
    position = np.full(len(table), -1, np.int64)
    length = np.zeros(len(table), np.int64)
    for rows, ids, at, size in _elements(table):
        found = (ids == identifier) & (position[rows] < 0)
        position[rows[found]], length[rows[found]] = at[found], size[found]
    return position, length


#    one-byte form                          two-byte form
#     0                                      0                   1
#     0 1 2 3 4 5 6 7                        0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
#    +-+-+-+-+-+-+-+-+                      +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |  ID   | len-1 | data...              |       ID      |     length    | data...
#    +-+-+-+-+-+-+-+-+                      +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
def _elements(table: PacketTable) -> Iterator[tuple[Ints, Ints, Ints, Ints]]:
    """Yields `(rows, ids, positions, lengths)`, the next element of every row that still has one.

    Each step consumes a byte at least of every row it keeps, so the walk ends.
    """
    two_byte = table.extension_profile & 0xFFF0 == TWO_BYTE_PROFILE
    known = two_byte | (table.extension_profile == ONE_BYTE_PROFILE)
    rows = np.nonzero(known & (table.extension_end > table.extension_start))[0]
    at = table.extension_start[rows].copy()
    while len(rows):
        octet = table.octets[at].astype(np.int64)
        wide = two_byte[rows]
        padding = octet == 0
        ids = np.where(wide, octet, octet >> 4)
        second = table.octets.take(at + 1, mode="clip").astype(np.int64)
        data = at + np.where(wide, 2, 1)
        size = np.where(wide, second, (octet & 0x0F) + 1)
        whole = ~padding & (data + size <= table.extension_end[rows]) & (wide | (ids != 15))
        yield rows[whole], ids[whole], data[whole], size[whole]
        at = np.where(padding, at + 1, data + size)
        keep = (padding | whole) & (at < table.extension_end[rows])
        rows, at = rows[keep], at[keep]


def audio_levels(table: PacketTable, identifier: int) -> Ints:
    """-dBov of each packet, 0 (loudest) to 127 (silence), `NO_LEVEL` where it is absent (RFC 6464).

    ::

         0 1 2 3 4 5 6 7
        +-+-+-+-+-+-+-+-+
        |V|   level     |
        +-+-+-+-+-+-+-+-+
    """
    position, length = find_extension(table, identifier)
    level = table.octets.take(np.maximum(position, 0), mode="clip").astype(np.int64) & 0x7F
    return np.where((position >= 0) & (length >= 1), level, NO_LEVEL)


def rotations(table: PacketTable, identifier: int) -> Ints:
    """Degrees clockwise by which the picture must be turned to stand upright, -1 where absent (3GPP CVO).

    A value with a bit of the upper half set is no CVO (TS 26.114 clause 7.4.5) and is left out. ::

         0 1 2 3 4 5 6 7
        +-+-+-+-+-+-+-+-+
        |0 0 0 0 C F R R|
        +-+-+-+-+-+-+-+-+
    """
    position, length = find_extension(table, identifier)
    value = table.octets.take(np.maximum(position, 0), mode="clip").astype(np.int64)
    known = (position >= 0) & (length == 1) & (value & 0xF0 == 0)
    return np.where(known, (value & 3) * 90, -1)


def audio_level_id(table: PacketTable, ids: ExtensionIds) -> int:
    """The identifier under which this audio track carries its level.

    `ids.audio_level` wherever it occurs as one byte. Else the only element that is one byte long, stands in
    at least nine packets of ten and is not one constant printable character (that would be a `mid`): no other
    extension that is sent with audio has that shape.
    """
    if np.any(_one_byte(table, ids.audio_level)):
        return ids.audio_level
    fits = [i for i in range(1, 15) if _looks_like_level(table, i)]
    return fits[0] if len(fits) == 1 else ids.audio_level


def _one_byte(table: PacketTable, identifier: int) -> Bools:
    position, length = find_extension(table, identifier)
    found: Bools = (position >= 0) & (length == 1)
    return found


def _looks_like_level(table: PacketTable, identifier: int) -> bool:
    position, _ = find_extension(table, identifier)
    rows = _one_byte(table, identifier)
    if not np.any(rows) or np.count_nonzero(rows) < _ALMOST_ALWAYS * np.count_nonzero(table.valid):
        return False
    values = table.octets[position[rows]]
    constant = bool(np.all(values == values[0]))
    return not (constant and 0x21 <= int(values[0]) <= 0x7E)
