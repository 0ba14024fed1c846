from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compositing.graphemes import clean, clean_lines, graphemes, is_emoji


@pytest.mark.parametrize(
    ("text", "clusters"),
    [
        ("Ada", ["A", "d", "a"]),
        ("e\u0301a", ["e\u0301", "a"]),
        ("👩‍💻x", ["👩‍💻", "x"]),
        ("👍🏽👍", ["👍🏽", "👍"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("🇩🇪🇫", ["🇩🇪", "🇫"]),
        ("❤️1️⃣", ["❤️", "1️⃣"]),
        ("🏴\U000e0067\U000e0062\U000e007f!", ["🏴\U000e0067\U000e0062\U000e007f", "!"]),
        ("น้ำ", ["น้ำ"]),
        ("क्षत्रिय", ["क्ष", "त्रि", "य"]),
        ("\u1112\u1161\u11ab글", ["\u1112\u1161\u11ab", "글"]),
        ("가\u11a8나", ["가\u11a8", "나"]),
        ("مُحَمّد", ["مُ", "حَ", "مّ", "د"]),
        ("", []),
    ],
)
def test_graphemes_are_what_a_reader_counts(text: str, clusters: list[str]) -> None:
    assert graphemes(text) == clusters


@given(st.text())
def test_graphemes_joined_are_the_text(text: str) -> None:
    assert "".join(graphemes(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Ada \t\n Lovelace\r\n", "Ada Lovelace"),
        ("A\x00d\x07a\x7f", "Ada"),
        ("Ada\u202egnp.exe\u2066\u200f", "Adagnp.exe"),
        ("e\u0301", "é"),
        ("\ud800A\uffff\ufeff", "A"),
        ("👩‍💻", "👩‍💻"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\u00a0\u3000", ""),
    ],
)
def test_clean_keeps_what_can_be_drawn_on_one_line(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(st.text())
def test_clean_is_one_printable_line_and_stays_as_it_is(text: str) -> None:
    once = clean(text)
    assert len(once.splitlines()) <= 1
    assert clean(once) == once


def test_lines_are_kept_apart() -> None:
    assert clean_lines("Title\r\n  second\tline ") == ["Title", "second line"]


@pytest.mark.parametrize("text", ["👋", "❤️", "⭐", "🇩🇪", "1️⃣", "✅"])
def test_emoji_are_told_from_letters(text: str) -> None:
    assert is_emoji(text)


@pytest.mark.parametrize("text", ["A", "1", "#", "→", "李", "❤", "©"])
def test_letters_and_symbols_are_no_emoji(text: str) -> None:
    assert not is_emoji(text)
