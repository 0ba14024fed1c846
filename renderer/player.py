"""One video track, played forward: asks for a row of the index, gives its picture.

Decodes from the last complete keyframe before the first row asked for, skips to a later keyframe where rows in
between are not wanted, and replays the loss policy on the way: a unit that must not be shown, or cannot be
decoded, leaves the picture before it on screen. A complete keyframe forgets everything before it, so the
picture of a row does not depend on where playing began. Where damaged pictures are shown, that takes more: a
decoder leaves the rows that it cannot decode as they were in the buffer, so no buffer is kept from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from compositing.picture import Picture
from renderer.decode import DecodePath, VideoDecoder, copied, to_picture
from renderer.rtp.units import AccessUnit

_READ_ON_ROWS = 300
"""Rows that are not wanted are read over, not decoded, up to so many; beyond, reading starts anew."""


class UnitReader(Protocol):
    """Where a player gets its units: the recording itself, or an intermediate made from it."""

    @property
    def codec(self) -> str: ...

    def keyframe_before(self, row: int) -> int:
        """The last row at or before `row` where decoding can begin; -1 if there is none."""

    def units(self, first_row: int, last_row: int) -> Iterator[AccessUnit]:
        """The units of rows [first_row, last_row], in decoding order, from `first_row` on."""


@dataclass(slots=True)
class DecodeCounts:
    """What playing cost."""

    decoded: int = 0
    """Units fed to the decoder."""
    lead_in: int = 0
    """Of these, the ones decoded only to get to the first row that was asked for."""


class Player:
    """The pictures of one track, rows in rising order. Opens its decoder with the first row."""

    def __init__(
        self,
        reader: UnitReader,
        shown: NDArray[np.bool_],
        last_row: int,
        shows_damage: bool,
        path: DecodePath = "software",
    ) -> None:
        """`shown` (n,) bool says which rows may be shown; rows after `last_row` will not be asked for.

        `shows_damage` says that some of the shown rows may be damaged: pictures are copied then.
        """
        self._reader = reader
        self._shown = shown
        self._shows_damage = shows_damage
        self._last_row = last_row
        self._path = path
        self._decoder: VideoDecoder | None = None
        self._units: Iterator[AccessUnit] = iter(())
        self._ahead: AccessUnit | None = None
        self._next_row = -1
        self._row = -1
        self._good: tuple[av.VideoFrame | Picture, int] | None = None
        self._picture: Picture | None = None
        self.counts = DecodeCounts()

    def picture(self, row: int) -> Picture | None:
        """The picture on screen when `row` is the last one shown; the same object while it is the same picture.

        None where nothing could be decoded since the last complete keyframe.
        """
        if row != self._row:
            before = self._good
            self._play_to(row)
            self._row = row
            if self._good is not before:
                self._picture = _as_picture(*self._good) if self._good else None
        return self._picture

    def _play_to(self, row: int) -> None:
        keyframe = self._reader.keyframe_before(row)
        jumped = keyframe > self._next_row
        if jumped:
            self._jump_to(keyframe)
        while self._ahead is not None and self._ahead.index <= row:
            unit = self._ahead
            self._advance()
            self._take(unit)
            self.counts.lead_in += jumped and unit.index < row

    def _jump_to(self, keyframe: int) -> None:
        if self._decoder is None:
            self._decoder = VideoDecoder(self._reader.codec, self._path)
        if self._next_row < 0 or keyframe - self._next_row > _READ_ON_ROWS:
            self._units = self._reader.units(keyframe, self._last_row)
            self._advance()
        while self._ahead is not None and self._ahead.index < keyframe:
            self._advance()

    def _advance(self) -> None:
        self._ahead = next(self._units, None)
        self._next_row = self._ahead.index if self._ahead is not None else self._last_row + 1

    def _take(self, unit: AccessUnit) -> None:
        assert self._decoder is not None
        begins = unit.keyframe and self._reader.keyframe_before(unit.index) == unit.index
        frame = self._decoder.decode(unit.data, begins)
        self.counts.decoded += 1
        if begins:
            self._good = None
        if frame is not None and self._shown[unit.index]:
            kept = copied(to_picture(frame, unit.rotation)) if self._shows_damage else frame
            self._good = (kept, unit.rotation)


def _as_picture(kept: av.VideoFrame | Picture, rotation: int) -> Picture:
    return kept if isinstance(kept, Picture) else to_picture(kept, rotation)
