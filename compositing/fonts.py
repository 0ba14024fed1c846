"""Which font draws which text: the first of a list whose character map covers it.

Takes paths of TrueType and OpenType fonts, found by the entry points; gives Pillow fonts of any size. Fonts
are opened only when they are asked about: Latin text opens one file. Where no font of the list covers a
cluster the base font draws its empty box, and `missing` says so. Reads font files, nothing else.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from fontTools.ttLib import TTFont, TTLibError
from PIL import ImageFont

from compositing.graphemes import graphemes, is_emoji

_SUFFIXES = {".ttf", ".otf", ".ttc"}
_SYMBOLS = ("symbols", "math", "music", "signwriting", "indicsiyaq", "mayan")
_IGNORABLE = {"\u200c", "\u200d", "\ufe0e", "\ufe0f"}
"""Joiners and variation selectors need no glyph of their own."""
BITMAP_SIZE = 109
"""Pixels per em of the one size that bitmap emoji fonts hold."""


def installed_fonts(roots: Sequence[str]) -> tuple[str, ...]:
    """The font files below the folders `roots`, best first.

    Order: Noto Sans itself, Noto Sans per script, other Noto, CJK, colour emoji, symbols, DejaVu, the rest;
    upright regular weights before others. Folders that do not exist hold no fonts.
    """
    found = {str(p) for root in roots for p in Path(root).rglob("*") if p.suffix.lower() in _SUFFIXES}
    return tuple(sorted(found, key=_preference))


def _preference(path: str) -> tuple[int, int, str, str]:
    stem = Path(path).stem
    family, _, style = stem.partition("-")
    return _family_rank(family.lower()), _style_rank(style), stem, path


def _family_rank(family: str) -> int:
    if family == "notosans":
        return 0
    if "emoji" in family:
        return 4 if "color" in family else 7
    if any(word in family for word in _SYMBOLS):
        return 5
    if "cjk" in family:
        return 3 if "sans" in family else 8
    if family.startswith("notosans"):
        return 1
    if family.startswith("noto"):
        return 2
    return 6 if family == "dejavusans" else 9


def _style_rank(style: str) -> int:
    """Regular before other upright weights before slanted and condensed ones."""
    ranks = {"Medium": 0, "Regular": 1, "": 1, "VF": 2, "SemiBold": 3, "Bold": 4}
    return ranks.get(style, 5)


class Font:
    """One font file, opened when first asked. `source` is a path, or the bytes of a font."""

    def __init__(self, source: str | bytes) -> None:
        self.name = Path(source).stem if isinstance(source, str) else "built-in"
        self._source = source
        self._covered: frozenset[int] | None = None
        self._sizes: dict[int, ImageFont.FreeTypeFont] = {}

    @property
    def is_colour(self) -> bool:
        """Whether the glyphs are bitmaps in colour, of `BITMAP_SIZE` only."""
        return "coloremoji" in self.name.lower()

    def covers(self, cluster: str) -> bool:
        """Whether there is a glyph for every character of `cluster`; False for a file that is no font."""
        return all(c in _IGNORABLE or ord(c) in self._cmap() for c in cluster)

    def at(self, px: int) -> ImageFont.FreeTypeFont:
        """The font at `px` pixels per em; a colour font comes at `BITMAP_SIZE` whatever is asked."""
        size = BITMAP_SIZE if self.is_colour else px
        if size not in self._sizes:
            source = io.BytesIO(self._source) if isinstance(self._source, bytes) else self._source
            self._sizes[size] = ImageFont.truetype(source, size)
        return self._sizes[size]

    def _cmap(self) -> frozenset[int]:
        if self._covered is None:
            self._covered = _character_map(self._source)
        return self._covered


def _opened(source: str | bytes) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")


def _character_map(source: str | bytes) -> frozenset[int]:
    try:
        with _opened(source) as file, TTFont(file, fontNumber=0, lazy=True) as font:
            return frozenset(font.getBestCmap() or ())
    except (TTLibError, OSError, KeyError, AssertionError):
        return frozenset()


@lru_cache(maxsize=1)
def _built_in() -> Font:
    """The font inside Pillow: Latin only, present everywhere."""
    font = ImageFont.load_default(10)
    if isinstance(font, ImageFont.FreeTypeFont) and isinstance(font.path, io.BytesIO):
        return Font(font.path.getvalue())
    raise OSError("this Pillow was built without FreeType; install the wheel from PyPI")


class FontBook:
    """The fonts at hand, best first. `paths` may be empty: then Pillow's own font draws what it can."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._fonts = [*(Font(p) for p in paths), _built_in()]
        self._chosen: dict[str, Font | None] = {}

    @property
    def base(self) -> Font:
        """The font of ordinary text and of the empty box."""
        return self._fonts[0]

    def font_for(self, cluster: str, before: Font | None = None) -> Font:
        """The font that draws the grapheme `cluster`.

        A space, digit or mark of punctuation stays with the font `before` it where that has it, so that
        words of one script are shaped in one run.
        """
        may_stay = not (cluster[0].isalpha() or is_emoji(cluster))
        if may_stay and before and not before.is_colour and before.covers(cluster):
            return before
        return self._find(cluster) or self.base

    def runs(self, text: str) -> list[tuple[str, Font]]:
        """`text` in logical order as runs of whole graphemes, each with the one font that draws it."""
        runs: list[tuple[str, Font]] = []
        for cluster in graphemes(text):
            font = self.font_for(cluster, runs[-1][1] if runs else None)
            if runs and runs[-1][1] is font:
                runs[-1] = (runs[-1][0] + cluster, font)
            else:
                runs.append((cluster, font))
        return runs

    def missing(self, text: str) -> str:
        """The graphemes of `text` that no font covers, each once, in order of appearance."""
        lost = dict.fromkeys(c for c in graphemes(text) if not c.isspace() and self._find(c) is None)
        return "".join(lost)

    def _find(self, cluster: str) -> Font | None:
        if cluster not in self._chosen:
            self._chosen[cluster] = next((f for f in self._candidates(cluster) if f.covers(cluster)), None)
        return self._chosen[cluster]

    def _candidates(self, cluster: str) -> list[Font]:
        """All fonts, those first that the cluster's script or style points to; the base font before them."""
        if is_emoji(cluster):
            return sorted(self._fonts, key=lambda f: not f.is_colour)
        script = _script(cluster)
        named = [f for f in self._fonts if script and script in f.name.lower()]
        return [self.base, *named, *self._fonts]


def _script(cluster: str) -> str:
    """The word by which font files name the script of `cluster`; empty if its name does not tell."""
    word = unicodedata.name(cluster[0], "").split(" ")[0].lower()
    return "cjk" if word in {"cjk", "hiragana", "katakana", "hangul", "bopomofo"} else word
