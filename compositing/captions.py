"""How names and texts look: white letters on a dark, translucent, rounded panel.

Takes set lines and sizes, gives Pillow images (RGBA, even sides). Text sizes are pixels of a canvas whose
short side is `REFERENCE_SIDE`, and scale with it. Knows no plan and no key.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from compositing.fonts import FontBook
from compositing.geometry import Size, even
from compositing.typeset import CAP_HEIGHT, RGB, Line, paint, set_line, shorten, wrap

REFERENCE_SIDE = 1080
LABEL_MIN_PX = 10
"""Below this a name cannot be read in an encoded picture."""
LABEL_MIN_EMS = 2.6
"""A tile that leaves less room than this for letters has no label."""
_LABEL_PX = 26
_LABEL_TILE_SHARE = 0.11
"""A label's text is at most this share of the tile's height."""
_LABEL_INSET = 0.45
"""Room that is left between a label and the sides of its tile, of the text size."""
_LABEL_PAD_X, _LABEL_PAD_Y = 0.55, 0.34
"""Room around the letters, of the text size."""

_TEXT_SHARE = 0.5
"""Size of a text of one line, of the height of its rectangle."""
_TEXT_MIN_PX = 10
_TEXT_STEP = 0.92
_TEXT_LINE = 1.34
"""From baseline to baseline, of the text size."""
_TEXT_PAD_X, _TEXT_PAD_Y = 0.6, 0.3

_PANEL: RGB = (12, 15, 19)
_PANEL_OPACITY = 0.72
_WHITE: RGB = (255, 255, 255)
_SUPERSAMPLE = 4


def label_px(tile: Size, canvas: Size) -> int:
    """The text size of a name on `tile`, in pixels per em."""
    wanted = _LABEL_PX * min(canvas.w, canvas.h) / REFERENCE_SIDE
    return round(min(max(wanted, LABEL_MIN_PX + 1), _LABEL_TILE_SHARE * tile.h))


def label_room(tile: Size, canvas: Size) -> int:
    """The width that the letters of a name may take on `tile`, in pixels."""
    return tile.w - round(2 * label_px(tile, canvas) * (_LABEL_PAD_X + _LABEL_INSET))


def draw_label(line: Line, px: int) -> Image.Image:
    """A name, set in one line of `px` pixels per em, on its panel."""
    pad_x, height = _LABEL_PAD_X * px, even(px * (1 + 2 * _LABEL_PAD_Y))
    image = _panel(Size(even(line.width + 2 * pad_x + 1), height), px * 0.42)
    paint(image, line, (image.width - line.width) / 2, _baseline(height / 2, px), _WHITE)
    return image


def draw_text(paragraphs: Sequence[str], size: Size, fonts: FontBook) -> Image.Image:
    """Paragraphs, wrapped and centred, as large as `size` allows; transparent around their panel."""
    image = Image.new("RGBA", (even(size.w), even(size.h)))
    lines, px = _fitted(paragraphs, size, fonts)
    w = max((line.width for line in lines), default=0.0)
    if not w:
        return image
    wanted = even(w + 2 * _TEXT_PAD_X * px), even(_block_height(len(lines), px))
    panel = Size(min(image.width, wanted[0]), min(image.height, wanted[1]))
    corner = (image.width - panel.w) // 2, (image.height - panel.h) // 2
    image.alpha_composite(_panel(panel, px * 0.38), corner)
    for i, line in enumerate(lines):
        centre = image.height / 2 + (i - (len(lines) - 1) / 2) * _TEXT_LINE * px
        paint(image, line, (image.width - line.width) / 2, _baseline(centre, px), _WHITE)
    return image


def _fitted(paragraphs: Sequence[str], size: Size, fonts: FontBook) -> tuple[list[Line], int]:
    """The lines of the largest text size at which all fits and no word is cut; else of the smallest."""
    px = max(_TEXT_MIN_PX, round(_TEXT_SHARE * size.h))
    while px > _TEXT_MIN_PX:
        lines, whole = _wrapped(paragraphs, size, fonts, px)
        if whole and _block_height(len(lines), px) <= size.h:
            return [set_line(line, fonts, px) for line in lines], px
        px = max(_TEXT_MIN_PX, min(px - 1, round(px * _TEXT_STEP)))
    lines, _ = _wrapped(paragraphs, size, fonts, px)
    return _truncated(lines, size, fonts, px), px


def _wrapped(paragraphs: Sequence[str], size: Size, fonts: FontBook, px: int) -> tuple[list[str], bool]:
    room = size.w - 2 * _TEXT_PAD_X * px
    wrapped = [wrap(paragraph, fonts, px, room) for paragraph in paragraphs]
    return [line for lines, _ in wrapped for line in lines], all(whole for _, whole in wrapped)


def _truncated(lines: list[str], size: Size, fonts: FontBook, px: int) -> list[Line]:
    count = max(1, int((size.h / px - 2 * _TEXT_PAD_Y) / _TEXT_LINE))
    room = size.w - 2 * _TEXT_PAD_X * px
    if len(lines) > count:
        lines = [*lines[: count - 1], " ".join(lines[count - 1 :])]
    return [line for text in lines if (line := shorten(text, fonts, px, room))]


def _block_height(lines: int, px: int) -> float:
    return px * (lines * _TEXT_LINE + 2 * _TEXT_PAD_Y)


def _baseline(centre: float, px: int) -> int:
    """The baseline that centres capitals on `centre`."""
    return round(centre + CAP_HEIGHT * px / 2)


def _panel(size: Size, radius: float) -> Image.Image:
    large = size.w * _SUPERSAMPLE, size.h * _SUPERSAMPLE
    mask = Image.new("L", large)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, large[0] - 1, large[1] - 1), radius * _SUPERSAMPLE, fill=round(255 * _PANEL_OPACITY)
    )
    panel = Image.new("RGBA", (size.w, size.h), (*_PANEL, 255))
    panel.putalpha(mask.resize((size.w, size.h), Image.Resampling.BOX))
    return panel
