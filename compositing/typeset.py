"""Text set in lines: measured, shortened, wrapped and painted, in any script.

Takes cleaned text and a FontBook, gives Pillow images. A line is a row of runs in visual order, each of one
font and one direction, shaped by raqm (HarfBuzz, FriBidi) where Pillow has it. Sizes are pixels per em.
Knows no tile, no label design.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from PIL import Image, ImageDraw, features

from compositing.bidi import levels, visual_order
from compositing.fonts import BITMAP_SIZE, Font, FontBook
from compositing.graphemes import ELLIPSIS, graphemes

RGB = tuple[int, int, int]

CAP_HEIGHT = 0.714
"""Height of a capital in Noto Sans, per em: capitals, not ascenders, are centred in their line."""
_EMOJI_SCALE = 0.92
"""Emoji bitmaps are larger than their em: this sets them level with capitals."""
_HAS_RAQM = features.check("raqm")
_MAX_GRAPHEMES = 400
"""What is longer is cut before it is measured."""


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one font and one direction. `width` is the advance in pixels."""

    text: str
    font: Font
    rtl: bool
    px: int
    width: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text: its runs from left to right and its advance in pixels."""

    runs: tuple[Run, ...]
    width: float


def set_line(text: str, fonts: FontBook, px: int) -> Line:
    """`text` shaped as one line at `px` pixels per em."""
    clusters = graphemes(text)[:_MAX_GRAPHEMES]
    level_of = iter(levels(clusters))
    logical: list[tuple[str, Font, int]] = []
    for run_text, font in fonts.runs("".join(clusters)):
        in_run = [(cluster, next(level_of)) for cluster in graphemes(run_text)]
        for level, same in groupby(in_run, key=lambda item: item[1]):
            logical.append(("".join(cluster for cluster, _ in same), font, level))
    order = visual_order([level for _, _, level in logical])
    runs = tuple(_run(*logical[i], px) for i in order)
    return Line(runs, sum(run.width for run in runs))


def _run(text: str, font: Font, level: int, px: int) -> Run:
    rtl = level % 2 == 1
    length = font.at(px).getlength(text, direction=_direction(rtl))
    return Run(text, font, rtl, px, length * _scale(font, px))


def _scale(font: Font, px: int) -> float:
    return px / BITMAP_SIZE * _EMOJI_SCALE if font.is_colour else 1.0


def _direction(rtl: bool) -> Literal["rtl", "ltr"] | None:
    if not _HAS_RAQM:
        return None
    return "rtl" if rtl else "ltr"


def shorten(text: str, fonts: FontBook, px: int, width: float) -> Line | None:
    """`text` as one line of at most `width` pixels, its end replaced by an ellipsis where it is too long.

    None if not even one grapheme and the ellipsis fit.
    """
    whole = set_line(text, fonts, px)
    if whole.width <= width:
        return whole
    clusters = graphemes(text)[:_MAX_GRAPHEMES]
    fits, too_long = 0, len(clusters)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if _cut(clusters[:middle], fonts, px).width <= width:
            fits = middle
        else:
            too_long = middle
    return _cut(clusters[:fits], fonts, px) if fits else None


def _cut(clusters: Sequence[str], fonts: FontBook, px: int) -> Line:
    return set_line("".join(clusters).rstrip() + ELLIPSIS, fonts, px)


def wrap(text: str, fonts: FontBook, px: int, width: float) -> tuple[list[str], bool]:
    """`text` broken into lines of at most `width` pixels, and whether no word had to be cut.

    Lines break after spaces and between ideographs; a word wider than a line is cut between graphemes.
    """
    lines = [""]
    whole = True
    for word in _words(text):
        if set_line((lines[-1] + word).rstrip(), fonts, px).width <= width:
            lines[-1] += word
            continue
        pieces = _cut_word(word, fonts, px, width)
        whole = whole and len(pieces) == 1
        lines += pieces
    return [line.rstrip() for line in lines if line], whole


def _words(text: str) -> list[str]:
    """`text` cut where a line may end; spaces stay with the word before them."""
    words: list[str] = []
    for cluster in graphemes(text):
        if words and not _may_break(words[-1][-1], cluster[0]):
            words[-1] += cluster
        else:
            words.append(cluster)
    return words


def _may_break(before: str, after: str) -> bool:
    if before == " " or after == " ":
        return after != " "
    if unicodedata.category(before) == "Ps" or unicodedata.category(after) in {"Pe", "Po", "Lm"}:
        return False
    return _is_ideograph(before) or _is_ideograph(after)


def _is_ideograph(c: str) -> bool:
    """Ideographs and kana; Korean, though as wide, is divided by spaces."""
    wide = unicodedata.east_asian_width(c) == "W" and unicodedata.category(c) == "Lo"
    return wide and not 0xAC00 <= ord(c) <= 0xD7A3


def _cut_word(word: str, fonts: FontBook, px: int, width: float) -> list[str]:
    pieces = [""]
    for cluster in graphemes(word):
        if pieces[-1] and set_line((pieces[-1] + cluster).rstrip(), fonts, px).width > width:
            pieces.append("")
        pieces[-1] += cluster
    return pieces


def paint(image: Image.Image, line: Line, x: float, baseline: float, colour: RGB) -> None:
    """Draws `line` on the RGBA `image` from `x` on; letters in `colour`, emoji in their own."""
    ink = Image.new("L", image.size)
    draw = ImageDraw.Draw(ink)
    for run in line.runs:
        if run.font.is_colour:
            _paint_emoji(image, run, x, baseline)
        else:
            font, direction = run.font.at(run.px), _direction(run.rtl)
            draw.text((x, baseline), run.text, fill=255, font=font, anchor="ls", direction=direction)
        x += run.width
    layer = Image.new("RGBA", image.size, (*colour, 255))
    layer.putalpha(ink)
    image.alpha_composite(layer)


def _paint_emoji(image: Image.Image, run: Run, x: float, baseline: float) -> None:
    font, scale = run.font.at(run.px), _scale(run.font, run.px)
    ascent, descent = font.getmetrics()
    w, h = max(1, round(run.width)), max(1, round((ascent + descent) * scale))
    strike = Image.new("RGBA", (max(1, round(run.width / scale)), ascent + descent))
    ImageDraw.Draw(strike).text((0, ascent), run.text, font=font, anchor="ls", embedded_color=True)
    small = strike.resize((w, h), Image.Resampling.LANCZOS)
    layer = Image.new("RGBA", image.size)
    layer.paste(small, (round(x), round(baseline - ascent * scale)))
    image.alpha_composite(layer)


def ink_box(line: Line) -> tuple[int, int, int, int]:
    """Where the ink of `line` lies if painted at x = 0, baseline = 0: (left, top, right, bottom)."""
    px = max((run.px for run in line.runs), default=1)
    margin = 2 * px
    probe = Image.new("RGBA", (round(line.width) + 2 * margin, 2 * margin))
    paint(probe, line, margin, margin, (255, 255, 255))
    box = probe.getbbox() or (margin, margin, margin, margin)
    return box[0] - margin, box[1] - margin, box[2] - margin, box[3] - margin
