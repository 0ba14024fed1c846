"""The fonts of the machine the tests run on."""

from __future__ import annotations

import os
from functools import cache

import pytest

from compositing.fonts import FontBook, installed_fonts

FONT_ROOTS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts")

NAMES = {
    "Latin": "Ada Løvelace",
    "Greek": "Γιώργος Σεφέρης",
    "Cyrillic": "Дмитрий Менделеев",
    "Arabic": "محمد علي",
    "Hebrew": "דוד בן־גוריון",
    "Thai": "สมชาย น้ำใจ",
    "Devanagari": "अर्जुन क्षत्रिय",
    "Chinese": "李小龍",
    "Japanese": "さくら タナカ",
    "Korean": "김철수",
    "Emoji": "👩‍💻🇩🇪",
}
"""A name in each script that is worth a test of its own."""


@cache
def font_book() -> FontBook:
    """All fonts that are installed here."""
    return FontBook(installed_fonts(FONT_ROOTS))


def needs_glyphs(text: str) -> None:
    """Skips the test where no installed font has `text`; fails it in CI, where the fonts are installed."""
    missing = font_book().missing(text)
    if not missing:
        return
    reason = f"no installed font has {missing!r}: install fonts-noto-core, -cjk and -color-emoji"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
