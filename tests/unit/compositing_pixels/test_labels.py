from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from compositing.assets import MAX_ASSET_BYTES
from compositing.errors import AssetNotAnImage, AssetTooLarge, AssetUnknown
from compositing.fonts import FontBook
from compositing.geometry import Size
from compositing.labels import LabelBook
from compositing.scene import ImageRef
from tests.support.fonts import NAMES, font_book, needs_glyphs

CANVAS, TILE = Size(1920, 1080), Size(480, 270)


@pytest.fixture
def book() -> LabelBook:
    return LabelBook(font_book())


def pixels(book: LabelBook, ref: ImageRef) -> NDArray[np.uint8]:
    """(H, W, 4) uint8, decoded from the PNG."""
    rgba = np.asarray(Image.open(io.BytesIO(book.png(ref.key))).convert("RGBA"))
    assert rgba.shape == (ref.h, ref.w, 4)
    return rgba


def white(rgba: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((rgba > 200).all(axis=2))


def label(book: LabelBook, text: str, tile: Size = TILE, canvas: Size = CANVAS) -> ImageRef:
    ref = book.label(text, tile, canvas)
    assert ref is not None
    return ref


@pytest.mark.parametrize("script", NAMES)
def test_every_script_is_drawn_inside_its_panel(book: LabelBook, script: str) -> None:
    needs_glyphs(NAMES[script])
    ref = label(book, NAMES[script])
    ink = pixels(book, ref)[:, :, :3].max(axis=2) > 100
    rows, columns = np.nonzero(ink)
    assert ink.sum() > 100
    assert rows.min() > 0
    assert rows.max() < ref.h - 1
    assert columns.min() >= 4
    assert columns.max() < ref.w - 4
    assert book.notices == []


def test_sides_are_even_and_the_key_is_the_digest_of_the_png(book: LabelBook) -> None:
    for text in ("i", "Ada", "Ada L", "Ada Lovelace"):
        ref = label(book, text)
        assert ref.w % 2 == ref.h % 2 == 0
        assert ref.key == hashlib.sha256(book.images[ref.key]).hexdigest()[:32]


def test_two_books_agree_byte_for_byte() -> None:
    books = [LabelBook(font_book()), LabelBook(font_book())]
    books[1].label("Someone else first", TILE, CANVAS)
    answers = [
        (
            label(book, "Ada Lovelace"),
            book.avatar("peer-1", "Ada Lovelace", TILE),
            book.text("Weekly review", Size(960, 108)),
        )
        for book in books
    ]
    assert answers[0] == answers[1]
    assert all(books[0].png(ref.key) == books[1].png(ref.key) for ref in answers[0])


@pytest.mark.parametrize(
    ("canvas", "height"),
    [(CANVAS, 44), (Size(1080, 1920), 44), (Size(1280, 720), 28), (Size(3840, 2160), 88)],
)
def test_labels_scale_with_the_short_side_of_the_canvas(book: LabelBook, canvas: Size, height: int) -> None:
    ref = label(book, "Ada", Size(canvas.w // 2, canvas.h // 2), canvas)
    assert abs(ref.h - height) <= 2


@pytest.mark.parametrize("tile", [Size(240, 134), Size(160, 120), Size(960, 540), Size(200, 600)])
def test_a_long_name_is_cut_and_stays_inside_its_tile(book: LabelBook, tile: Size) -> None:
    ref = label(book, "Maximilian Alexander von und zu Hohenzollern-Sigmaringen the Third", tile)
    assert ref.w <= tile.w
    assert ref.h <= tile.h / 4
    assert label(book, "Maximilian", tile).w <= ref.w


@pytest.mark.parametrize("tile", [Size(40, 40), Size(20, 600), Size(600, 80), Size(2, 2)])
def test_a_tile_too_small_to_read_has_no_label(book: LabelBook, tile: Size) -> None:
    assert book.label("Ada Lovelace", tile, CANVAS) is None


@pytest.mark.parametrize("text", ["", "  \n", "\u202e\u200b\x00"])
def test_an_empty_name_has_no_label(book: LabelBook, text: str) -> None:
    assert book.label(text, TILE, CANVAS) is None


def test_control_and_bidi_characters_change_nothing(book: LabelBook) -> None:
    plain = label(book, "Ada exe.png")
    assert label(book, "Ada\n \u202eexe\x07.png\u2069") == plain


def test_a_glyph_that_no_font_has_is_reported_once_and_drawn_as_a_box(book: LabelBook) -> None:
    first = label(book, "Ada \U0010fffd")
    book.label("Ada \U0010fffd", Size(960, 540), CANVAS)
    assert [code for code, _ in book.notices] == ["glyph-missing"]
    assert "U+10FFFD" in book.notices[0][1]
    assert first.w > label(book, "Ada").w


def test_without_fonts_names_are_still_drawn() -> None:
    book = LabelBook(FontBook([]))
    assert white(pixels(book, label(book, "Ada Lovelace"))).sum() > 100


def test_an_avatar_fills_its_tile_and_has_its_disc_in_the_middle(book: LabelBook) -> None:
    rgba = pixels(book, book.avatar("peer-1", "Ada Lovelace", TILE))
    colour = np.array([int(book.avatar_colour("peer-1")[i : i + 2], 16) for i in (1, 3, 5)])
    disc = (rgba[:, :, :3] == colour).all(axis=2)
    rows, columns = np.nonzero(disc)
    assert (rgba[:, :, 3] == 255).all()
    assert abs(rows.min() + rows.max() - 269) <= 2
    assert abs(columns.min() + columns.max() - 479) <= 2
    assert np.ptp(rows) == pytest.approx(0.40 * 270, abs=3)
    ink = np.argwhere(white(rgba))
    np.testing.assert_allclose((ink.min(axis=0) + ink.max(axis=0)) / 2, [134.5, 239.5], atol=2)


@pytest.mark.parametrize("size", [Size(2, 2), Size(16, 200), Size(1080, 1920)])
def test_avatars_of_any_size_are_drawn(book: LabelBook, size: Size) -> None:
    ref = book.avatar("peer-1", "Ada", size)
    assert (ref.w, ref.h) == (size.w, size.h)


def test_a_text_lies_centred_inside_its_rectangle(book: LabelBook) -> None:
    ref = book.text("Weekly review", Size(960, 108))
    assert (ref.w, ref.h) == (960, 108)
    rgba = pixels(book, ref)
    ink = np.argwhere(white(rgba))
    assert (ink.min(axis=0) + ink.max(axis=0))[1] / 2 == pytest.approx(479.5, abs=3)
    assert np.ptp(ink[:, 0]) > 30
    assert rgba[0, 0, 3] == rgba[-1, -1, 3] == 0


def test_a_long_text_is_wrapped_and_still_fits(book: LabelBook) -> None:
    one = pixels(book, book.text("Quarterly", Size(300, 200)))
    many = pixels(book, book.text("Quarterly review of everything that we did " * 3, Size(300, 200)))
    ink = np.argwhere(white(many))
    assert ink[:, 0].min() > 0
    assert ink[:, 0].max() < 199
    assert ink[:, 1].min() > 0
    assert ink[:, 1].max() < 299
    assert np.ptp(ink[:, 0]) > 2 * np.ptp(np.argwhere(white(one))[:, 0])


def test_a_text_far_too_long_ends_in_an_ellipsis_not_outside(book: LabelBook) -> None:
    ref = book.text("word " * 500, Size(200, 60))
    ink = np.argwhere(white(pixels(book, ref)))
    assert ink[:, 0].min() > 0
    assert ink[:, 0].max() < 59


def test_an_empty_text_is_transparent(book: LabelBook) -> None:
    assert not pixels(book, book.text(" \n ", Size(200, 60)))[:, :, 3].any()


def encoded(size: tuple[int, int], form: str, mode: str = "RGB") -> bytes:
    data = io.BytesIO()
    Image.new(mode, size, 200).save(data, form)
    return data.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    ("source", "expected"), [((400, 100), (200, 50)), ((100, 400), (50, 200)), ((3, 3), (200, 200))]
)
def test_an_asset_is_as_large_as_fits(form: str, source: tuple[int, int], expected: tuple[int, int]) -> None:
    book = LabelBook(font_book(), {"logo": encoded(source, form)})
    ref = book.asset("logo", Size(200, 200))
    assert (ref.w, ref.h) == expected
    assert pixels(book, ref)[0, 0].tolist() == pytest.approx([200, 0, 0, 255], abs=3)


def test_transparent_edges_of_an_asset_stay_clean() -> None:
    """Scaling does not draw the hidden colour of transparent pixels into the visible ones."""
    image = np.zeros((64, 64, 4), np.uint8)
    image[:, 32:] = 255
    data = io.BytesIO()
    Image.fromarray(image).save(data, "PNG")
    book = LabelBook(font_book(), {"logo": data.getvalue()})
    rgba = pixels(book, book.asset("logo", Size(40, 40)))
    assert rgba[rgba[:, :, 3] > 8][:, :3].min() >= 250


def test_a_photo_is_turned_upright() -> None:
    image, exif = Image.new("RGB", (40, 20)), Image.Exif()
    exif[0x0112] = 6
    data = io.BytesIO()
    image.save(data, "JPEG", exif=exif)
    ref = LabelBook(font_book(), {"photo": data.getvalue()}).asset("photo", Size(100, 100))
    assert (ref.w, ref.h) == (50, 100)


def bomb() -> bytes:
    """A PNG whose header claims 50000 x 50000 pixels."""
    small = bytearray(encoded((1, 1), "PNG"))
    small[16:24] = (50_000).to_bytes(4, "big") * 2
    return bytes(small)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", AssetNotAnImage),
        (b"GIF89a" + bytes(100), AssetNotAnImage),
        (encoded((8, 8), "PNG")[:-30], AssetNotAnImage),
        (encoded((80, 80), "JPEG")[:200], AssetNotAnImage),
        (encoded((8, 8), "BMP"), AssetNotAnImage),
        (bomb(), AssetNotAnImage),
        (encoded((5000, 4000), "PNG", "L"), AssetTooLarge),
        (bytes(MAX_ASSET_BYTES + 1), AssetTooLarge),
    ],
    ids=["empty", "gif", "cut png", "cut jpeg", "bmp", "bomb", "pixels", "bytes"],
)
def test_bad_assets_are_refused_with_their_name(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error, match="logo"):
        LabelBook(font_book(), {"logo": data}).asset("logo", Size(200, 200))


def test_an_unknown_asset_is_refused(book: LabelBook) -> None:
    with pytest.raises(AssetUnknown, match=r"logo\.png"):
        book.asset("logo.png", Size(10, 10))
