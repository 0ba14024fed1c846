"""Pictures that were decoded before, for those who ask for the same instant again and again.

While somebody drags a tile, only its rectangle changes: the pictures in the tiles are those of the still before.
Decoding them costs a lead-in from the last keyframe each time; remembering them costs their bytes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol

from compositing.picture import Picture
from renderer.decode import copied

PictureName = tuple[str, str, str, int]
"""Track, intermediate, loss policy and row: what decides a decoded picture of one recording."""


class PicturePlayer(Protocol):
    """A `player.Player`, as far as it is asked for pictures."""

    def picture(self, row: int) -> Picture | None: ...


class PictureMemory:
    """Copies of decoded pictures of one recording, up to so many bytes: who was asked for least lately goes first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._bytes = 0
        self._kept: OrderedDict[PictureName, Picture | None] = OrderedDict()
        self._lock = threading.Lock()

    def picture(self, name: PictureName, player: PicturePlayer, row: int) -> Picture | None:
        """The picture `name`: remembered, or what `player` shows at its `row`; None is remembered too."""
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        shown = player.picture(row)
        picture = copied(shown) if shown is not None else None
        with self._lock:
            self._keep(name, picture)
        return picture

    def _keep(self, name: PictureName, picture: Picture | None) -> None:
        self._bytes += _size(picture) - _size(self._kept.pop(name, None))
        self._kept[name] = picture
        while self._bytes > self._limit:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= _size(gone)


def _size(picture: Picture | None) -> int:
    return sum(plane.nbytes for plane in picture.planes) if picture is not None else 0
