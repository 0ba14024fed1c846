from __future__ import annotations

from pathlib import Path

import pytest

from compositing.fonts import FontBook, installed_fonts
from tests.support.fonts import NAMES, font_book, needs_glyphs


@pytest.mark.parametrize("script", NAMES)
def test_a_name_in_one_script_is_one_run(script: str) -> None:
    needs_glyphs(NAMES[script])
    runs = font_book().runs(NAMES[script])
    assert [text for text, _ in runs] == [NAMES[script]]
    assert runs[0][1].covers(NAMES[script])


def test_an_emoji_sequence_is_never_divided_between_fonts() -> None:
    needs_glyphs("👩‍💻A")
    assert [text for text, _ in font_book().runs("Zoë 👩‍💻👍🏽 ok")] == ["Zoë ", "👩‍💻👍🏽", " ok"]


def test_digits_after_an_emoji_are_letters_not_pictures() -> None:
    needs_glyphs("👍")
    assert font_book().runs("👍 12")[-1][1] is font_book().base


def test_latin_text_opens_one_font(tmp_path: Path) -> None:
    fonts = installed_fonts(("/usr/share/fonts",))
    if not fonts:
        pytest.skip("no fonts below /usr/share/fonts")
    broken = tmp_path / "NotoSansBroken-Regular.ttf"
    book = FontBook([fonts[0], str(broken)])
    assert book.missing("Ada Lovelace") == ""


def test_without_any_font_latin_is_still_drawn_and_the_rest_reported() -> None:
    book = FontBook([])
    assert book.missing("Ada Lovelace") == ""
    assert book.missing("Ada 李 李 小") == "李小"
    assert book.base.at(20).getlength("Ada") > 0


def test_a_file_that_is_no_font_covers_nothing(tmp_path: Path) -> None:
    fake = tmp_path / "NotoSans-Regular.ttf"
    fake.write_bytes(b"not a font at all")
    gone = tmp_path / "NotoSansGone-Regular.ttf"
    book = FontBook([str(fake), str(gone)])
    assert book.missing("Ada") == ""
    assert book.font_for("A").name == "built-in"


def test_a_private_use_character_is_missing() -> None:
    assert font_book().missing("A\U0010fffd \U0010fffd") == "\U0010fffd"


def test_installed_fonts_come_in_the_order_of_preference(tmp_path: Path) -> None:
    expected = [
        "NotoSans-Medium.ttf",
        "NotoSans-Regular.ttf",
        "NotoSans-Bold.ttf",
        "NotoSansArabic-Regular.ttf",
        "NotoNaskhArabic-Regular.ttf",
        "NotoSansCJK-Regular.ttc",
        "NotoColorEmoji.ttf",
        "NotoSansSymbols2-Regular.ttf",
        "DejaVuSans.ttf",
        "Other.otf",
    ]
    for name in reversed(expected):
        folder = tmp_path / name[:5]
        folder.mkdir(exist_ok=True)
        (folder / name).touch()
    (tmp_path / "readme.txt").touch()
    found = installed_fonts([str(tmp_path), str(tmp_path / "absent")])
    assert [Path(path).name for path in found] == expected
