"""The tile of a participant without a picture: initials on a disc in the participant's own colour.

Takes a peer id, a name and a size; gives a Pillow image that fills it. The colour depends on the peer id
alone, so a participant looks the same in every recording, layout and size.
"""

from __future__ import annotations

import hashlib
import math

from PIL import Image, ImageDraw

from compositing.fonts import FontBook
from compositing.geometry import Size
from compositing.graphemes import clean, graphemes, is_emoji
from compositing.typeset import CAP_HEIGHT, RGB, ink_box, paint, set_line

DISC_SHARE = 0.40
"""Diameter of the disc, of the tile's short side."""
_INITIALS_SHARE = 0.42
"""Size of the initials, of the disc's diameter."""
_BACKDROP: RGB = (20, 24, 29)
_BACKDROP_TINT = 0.16
"""How much of the peer's colour the tile's background has."""
_HUES = tuple(hue for hue in range(0, 360, 15) if not 70 < hue < 130)
"""Degrees. At this lightness yellow is olive, and looks ill on a person."""
_LIGHTNESS, _CHROMA = 0.535, 0.125
"""Oklch: white text on every hue has a contrast of at least 4.5."""
_SUPERSAMPLE = 4
_WHITE: RGB = (255, 255, 255)


def avatar_rgb(peer_id: str) -> RGB:
    """The colour of a peer: one of a circle of hues of equal lightness, sRGB."""
    digest = hashlib.sha256(peer_id.encode("utf-8", "surrogatepass")).digest()
    return _oklch(_LIGHTNESS, _CHROMA, math.radians(_HUES[digest[0] % len(_HUES)]))


def _oklch(lightness: float, chroma: float, hue: float) -> RGB:
    """Oklch to sRGB (B. Ottosson, "A perceptual color space for image processing", 2020)."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _srgb(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _srgb(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _srgb(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _srgb(linear: float) -> int:
    linear = min(1.0, max(0.0, linear))
    encoded = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return round(255 * encoded)


def initials(name: str) -> str:
    """One or two graphemes that stand for `name`; `?` for a name without any letter, digit or emoji.

    Scripts with capitals give the first letters of the first and last word; others their first grapheme,
    since two letters of Arabic or Devanagari would join into something that nobody wrote.
    """
    firsts = [first for word in clean(name).split(" ") if (first := _first(word))]
    if not firsts:
        return "?"
    if len(firsts) > 1 and _has_case(firsts[0]) and _has_case(firsts[-1]):
        return _capital(firsts[0]) + _capital(firsts[-1])
    return _capital(firsts[0])


def _first(word: str) -> str:
    return next((g for g in graphemes(word) if g[0].isalnum() or is_emoji(g)), "")


def _has_case(grapheme: str) -> bool:
    return grapheme.upper() != grapheme.lower()


def _capital(grapheme: str) -> str:
    upper = grapheme.upper()
    return upper if len(graphemes(upper)) == 1 else grapheme


def draw_avatar(peer_id: str, name: str, size: Size, fonts: FontBook) -> Image.Image:
    """The avatar tile of `size`, opaque RGBA."""
    colour = avatar_rgb(peer_id)
    image = Image.new("RGBA", (size.w, size.h), (*_mix(_BACKDROP, colour, _BACKDROP_TINT), 255))
    diameter = max(2, round(DISC_SHARE * min(size.w, size.h)))
    disc = _disc(diameter, colour)
    _paint_initials(disc, initials(name), fonts)
    image.alpha_composite(disc, ((size.w - diameter) // 2, (size.h - diameter) // 2))
    return image


def _disc(diameter: int, colour: RGB) -> Image.Image:
    large = diameter * _SUPERSAMPLE
    mask = Image.new("L", (large, large))
    ImageDraw.Draw(mask).ellipse((0, 0, large - 1, large - 1), fill=255)
    disc = Image.new("RGBA", (diameter, diameter), (*colour, 255))
    disc.putalpha(mask.resize((diameter, diameter), Image.Resampling.BOX))
    return disc


def _paint_initials(disc: Image.Image, text: str, fonts: FontBook) -> None:
    px = max(1, round(_INITIALS_SHARE * disc.width))
    line = set_line(text, fonts, px)
    left, top, right, bottom = ink_box(line)
    if all(_has_case(g) for g in graphemes(text)):
        top, bottom = -round(CAP_HEIGHT * px), 0
    paint(disc, line, (disc.width - right - left) / 2, (disc.height - bottom - top) / 2, _WHITE)


def _mix(first: RGB, second: RGB, share: float) -> RGB:
    r, g, b = (round(a + (c - a) * share) for a, c in zip(first, second, strict=True))
    return r, g, b
