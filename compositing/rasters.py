"""What the plan needs of the renderer of stills: sizes and keys, never pixels."""

from __future__ import annotations

from typing import Protocol

from compositing.geometry import Size
from compositing.scene import ImageRef


class RasterBook(Protocol):
    """Gives a content key and a size for every still of a plan. Equal arguments give equal answers."""

    def label(self, text: str, tile: Size, canvas: Size) -> ImageRef | None:
        """The name `text` for a tile of size `tile`; None where it does not fit."""

    def avatar(self, peer_id: str, name: str, size: Size) -> ImageRef:
        """Initials of `name` on the peer's colour, filling `size`."""

    def avatar_colour(self, peer_id: str) -> str:
        """The peer's colour, `#rrggbb`, the same in every recording."""

    def text(self, text: str, size: Size) -> ImageRef:
        """Free text set into a box of `size`."""

    def asset(self, name: str, size: Size) -> ImageRef:
        """The uploaded image `name`, for a box of `size`."""
