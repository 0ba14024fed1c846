"""Everything on the canvas that is not a video picture: names, avatars, texts, images, each made once.

Takes texts, sizes and the bytes of uploaded images; gives references to rasters, whose PNGs the book keeps by
content key. The same request gives the same bytes with the same fonts, so keys may enter the digest of a
chunk; the page in the browser shows the same PNGs. Rasters have even sides. Knows no layout: who asks
decides the size of a tile and where a label lies.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping

import numpy as np
from PIL import Image

from compositing.assets import contained, decode_asset
from compositing.avatars import avatar_rgb, draw_avatar, initials
from compositing.captions import (
    LABEL_MIN_EMS,
    LABEL_MIN_PX,
    draw_label,
    draw_text,
    label_px,
    label_room,
)
from compositing.errors import AssetUnknown
from compositing.fonts import FontBook
from compositing.geometry import Size
from compositing.graphemes import clean, clean_lines
from compositing.scene import ImageRef
from compositing.typeset import shorten


class LabelBook:
    """The rasters of a plan, or of several of one meeting. `assets` are the uploaded images by name.

    `images` holds the PNG of every raster made so far by its key. `notices` holds (code, message) for each
    text with a character that no font has, each once.
    """

    def __init__(self, fonts: FontBook, assets: Mapping[str, bytes] | None = None) -> None:
        self._fonts = fonts
        self._assets: Mapping[str, bytes] = {} if assets is None else assets
        self._made: dict[tuple[object, ...], ImageRef | None] = {}
        self.images: dict[str, bytes] = {}
        self.notices: list[tuple[str, str]] = []

    def png(self, key: str) -> bytes:
        """The PNG of the raster `key`. Raises KeyError for a key that this book has not given."""
        return self.images[key]

    def label(self, text: str, tile: Size, canvas: Size) -> ImageRef | None:
        """The name `text` on a dark pill, for a tile of size `tile`; long names end in `…`.

        None where the tile is too small for a readable name, or the name is empty.
        """
        px, room = label_px(tile, canvas), label_room(tile, canvas)
        if px < LABEL_MIN_PX or room < LABEL_MIN_EMS * px:
            return None
        request = ("label", text, px, room)
        if request not in self._made:
            self._made[request] = self._label(clean(text), px, room)
        return self._made[request]

    def avatar(self, peer_id: str, name: str, size: Size) -> ImageRef:
        """The tile of a peer without a picture: fills `size`, opaque."""
        request = ("avatar", peer_id, name, size)
        made = self._made.get(request)
        if made is None:
            self._notice(initials(name))
            made = self._made[request] = self._keep(draw_avatar(peer_id, name, size, self._fonts))
        return made

    def avatar_colour(self, peer_id: str) -> str:
        """The colour of a peer's avatar as `#rrggbb`; white text on it is readable."""
        return "#{:02x}{:02x}{:02x}".format(*avatar_rgb(peer_id))

    def text(self, text: str, size: Size) -> ImageRef:
        """`text` in white, wrapped and centred on a transparent raster of `size`, a dark panel behind it.

        The letters are as large as the size allows; what does not fit even small is cut with `…`.
        """
        request = ("text", text, size)
        made = self._made.get(request)
        if made is None:
            self._notice(clean(text))
            made = self._made[request] = self._keep(draw_text(clean_lines(text), size, self._fonts))
        return made

    def asset(self, name: str, size: Size) -> ImageRef:
        """The uploaded image `name`, as large as it can be inside `size`, its proportions kept.

        Raises AssetUnknown, AssetTooLarge, AssetNotAnImage.
        """
        request = ("asset", name, size)
        made = self._made.get(request)
        if made is None:
            made = self._made[request] = self._keep(contained(decode_asset(name, self._asset(name)), size))
        return made

    def _asset(self, name: str) -> bytes:
        try:
            return self._assets[name]
        except KeyError:
            raise AssetUnknown(name) from None

    def _label(self, text: str, px: int, room: int) -> ImageRef | None:
        line = shorten(text, self._fonts, px, room) if text else None
        if line is None:
            return None
        self._notice(text)
        return self._keep(draw_label(line, px))

    def _notice(self, text: str) -> None:
        missing = self._fonts.missing(text)
        codes = " ".join(f"U+{ord(c):04X}" for c in missing)
        message = f"No installed font has {codes} of {text!r}; an empty box stands in its place."
        notice = ("glyph-missing", message)
        if missing and notice not in self.notices:
            self.notices.append(notice)

    def _keep(self, image: Image.Image) -> ImageRef:
        png = encode_png(image)
        key = hashlib.sha256(png).hexdigest()[:32]
        self.images[key] = png
        return ImageRef(key, image.width, image.height)


def encode_png(image: Image.Image) -> bytes:
    """`image` as PNG without any metadata: the same pixels give the same bytes."""
    data = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(data, "PNG", compress_level=6)
    return data.getvalue()
