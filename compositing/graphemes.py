"""Text as a reader counts it: cleaned of what cannot be drawn, and cut into grapheme clusters.

Takes any string, gives strings. A cluster is what UAX #29 calls an extended grapheme cluster, from the
Unicode data of the interpreter: a base with its marks, a flag, an emoji joined by ZWJ, a Hangul syllable, an
Indic conjunct. Clusters joined together are the text again. Knows no font and no pixel.
"""

from __future__ import annotations

import re
import unicodedata

ELLIPSIS = "…"

_ZWJ = "\u200d"
_EMOJI_STYLE = "\ufe0f"
_KEYCAP = "\u20e3"
_JOINING_CONTROLS = {_ZWJ, "\u200c"}
_SPACING_AFTER = {"\u0e33", "\u0eb3"}
"""Thai and Lao AM: letters by category, but part of the cluster before them (UAX #29, SpacingMark)."""
_EMOJI_IN_BMP = frozenset(
    "⌚⌛⏩⏪⏫⏬⏰⏳◽◾☔☕♈♉♊♋♌♍♎♏♐♑♒♓♿⚓⚡⚪⚫⚽⚾⛄⛅⛎⛔⛪⛲⛳⛵⛺⛽✅✊✋✨❌❎❓❔❕❗➕➖➗➰➿⬛⬜⭐⭕"
)
"""Characters below U+1F000 that are pictures without a variation selector (Emoji_Presentation)."""


def clean(text: str) -> str:
    """`text` on one line: white space folded, control, bidi-control, surrogate and noncharacters removed.

    Line breaks become spaces. The result is in normal form C.
    """
    kept = "".join(_kept(c) for c in text)
    return unicodedata.normalize("NFC", re.sub(r"\s+", " ", kept).strip())


def clean_lines(text: str) -> list[str]:
    """The lines of `text`, each cleaned; line breaks of any kind divide them."""
    return [clean(line) for line in text.splitlines()]


def _kept(c: str) -> str:
    if c.isspace():
        return " "
    if c in _JOINING_CONTROLS or _is_tag(c):
        return c
    if unicodedata.category(c) in {"Cc", "Cf", "Cs"} or ord(c) & 0xFFFE == 0xFFFE:
        return ""
    return c


def graphemes(text: str) -> list[str]:
    """`text` cut into grapheme clusters, in logical order."""
    clusters: list[str] = []
    for c in text:
        if clusters and _continues(clusters[-1], c):
            clusters[-1] += c
        else:
            clusters.append(c)
    return clusters


def is_emoji(cluster: str) -> bool:
    """Whether `cluster` asks for a picture rather than a letter."""
    if _EMOJI_STYLE in cluster or _KEYCAP in cluster:
        return True
    first = cluster[0]
    return first in _EMOJI_IN_BMP or (0x1F000 <= ord(first) <= 0x1FAFF and not _is_plain_symbol(first))


def _is_plain_symbol(c: str) -> bool:
    """Geometric shapes, arrows and ornamental dingbats of the plane of emoji."""
    return 0x1F650 <= ord(c) <= 0x1F67F or 0x1F700 <= ord(c) <= 0x1F7DF or 0x1F800 <= ord(c) <= 0x1F8FF


def _continues(cluster: str, c: str) -> bool:
    """Whether `c` belongs to the cluster before it (rules GB6 to GB13)."""
    last = cluster[-1]
    if _extends(c):
        return True
    if last == _ZWJ:
        return is_emoji(c) or is_emoji(cluster) or _is_virama(cluster[-2:-1])
    if _is_virama(last) and unicodedata.category(c) == "Lo":
        return True
    if _is_regional(c):
        return _is_regional(last) and len(cluster) % 2 == 1
    return _is_hangul_tail(last, c)


def _extends(c: str) -> bool:
    return (
        unicodedata.category(c) in {"Mn", "Mc", "Me"}
        or c in _JOINING_CONTROLS
        or c in _SPACING_AFTER
        or 0x1F3FB <= ord(c) <= 0x1F3FF
        or _is_tag(c)
    )


def _is_tag(c: str) -> bool:
    return 0xE0020 <= ord(c) <= 0xE007F


def _is_regional(c: str) -> bool:
    return 0x1F1E6 <= ord(c) <= 0x1F1FF


def _is_virama(c: str) -> bool:
    return bool(c) and unicodedata.combining(c) == 9


def _is_hangul_tail(last: str, c: str) -> bool:
    """Hangul syllables from conjoining jamo: L (L | V | LV | LVT), (LV | V) (V | T), (LVT | T) T."""
    before, code = ord(last), ord(c)
    vowel, trailing = 0x1160 <= code <= 0x11A7, 0x11A8 <= code <= 0x11FF
    if 0x1100 <= before <= 0x115F:
        return 0x1100 <= code <= 0x11A7 or 0xAC00 <= code <= 0xD7A3
    if 0x1160 <= before <= 0x11A7:
        return vowel or trailing
    if 0xAC00 <= before <= 0xD7A3:
        return trailing or (vowel and (before - 0xAC00) % 28 == 0)
    return 0x11A8 <= before <= 0x11FF and trailing
