"""What uploaded files say they are: read without decoding, for every file that there is."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from compositing.assets import MAX_ASSET_BYTES, MAX_ASSET_PIXELS
from compositing.errors import AssetNotAnImage, AssetTooLarge
from scheduler_api import image_header
from scheduler_api.image_header import check_header
from tests.support.images import (
    animated_png,
    archive,
    encoded,
    jpeg_claiming,
    noisy,
    png_chunk,
    png_claiming,
    png_with,
)

GOOD = {
    "png": encoded((7, 5), "PNG"),
    "png grey": encoded((7, 5), "PNG", "L"),
    "png black and white": encoded((7, 5), "PNG", "1"),
    "png palette": encoded((7, 5), "PNG", "P"),
    "png transparent": encoded((7, 5), "PNG", "RGBA"),
    "png 16 bit": encoded((7, 5), "PNG", "I;16"),
    "png large": noisy((400, 300), "PNG"),
    "jpeg": encoded((7, 5), "JPEG"),
    "jpeg grey": encoded((7, 5), "JPEG", "L"),
    "jpeg cmyk": encoded((7, 5), "JPEG", "CMYK"),
    "jpeg noise": noisy((400, 300), "JPEG", quality=97),
    "jpeg progressive": noisy((400, 300), "JPEG", progressive=True, quality=97),
    "jpeg restarts": noisy((400, 300), "JPEG", restart_marker_blocks=4),
    "jpeg comment": encoded((7, 5), "JPEG", comment=b"\xff\xd9 not the end \xff\xc0\x00\x11"),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD.keys())
def test_the_header_is_what_a_decoder_finds(data: bytes) -> None:
    header = check_header("a", data)
    with Image.open(io.BytesIO(data)) as image:
        assert (header.form, header.width, header.height) == (str(image.format).lower(), *image.size)
    assert header.end == len(data)


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD.keys())
@pytest.mark.parametrize("tail", [archive(), encoded((9, 9), "JPEG"), b"<html>", bytes(3)])
def test_what_hangs_on_to_an_image_is_no_part_of_it(data: bytes, tail: bytes) -> None:
    assert check_header("a", data + tail) == check_header("a", data)


@pytest.mark.parametrize("name", ["png", "jpeg", "jpeg comment"])
def test_an_image_cut_anywhere_is_refused(name: str) -> None:
    data = GOOD[name]
    for end in range(len(data)):
        with pytest.raises(AssetNotAnImage):
            check_header("a", data[:end])


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", AssetNotAnImage),
        (encoded((8, 8), "GIF", "P"), AssetNotAnImage),
        (encoded((8, 8), "WEBP"), AssetNotAnImage),
        (encoded((8, 8), "BMP"), AssetNotAnImage),
        (encoded((8, 8), "TIFF"), AssetNotAnImage),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', AssetNotAnImage),
        (b"\x89PNG\r\n\x1a\n", AssetNotAnImage),
        (b"\xff\xd8\xff", AssetNotAnImage),
        (b"\xff\xd8\xff\xd9", AssetNotAnImage),
        (b"\xff\xd8\xff\xe0\x00\x00" + bytes(50), AssetNotAnImage),
        (b"\xff\xd8" + b"\xff" * 10_000, AssetNotAnImage),
        (animated_png(), AssetNotAnImage),
        (png_with(png_chunk(b"acTL", bytes(8))), AssetNotAnImage),
        (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IEND", b""), AssetNotAnImage),
        (png_claiming(0, 5), AssetNotAnImage),
        (jpeg_claiming(0, 8), AssetNotAnImage),
        (jpeg_claiming(8, 0), AssetNotAnImage),
        (png_claiming(50_000, 50_000), AssetTooLarge),
        (png_claiming(2**32 - 1, 2**32 - 1), AssetTooLarge),
        (png_claiming(2**31, 1), AssetTooLarge),
        (jpeg_claiming(65_535, 65_535), AssetTooLarge),
        (encoded((5000, 3400), "PNG", "L"), AssetTooLarge),
        (encoded((5000, 3400), "JPEG", "L", quality=5), AssetTooLarge),
        (GOOD["png"] + bytes(MAX_ASSET_BYTES), AssetTooLarge),
    ],
)
def test_what_may_not_be_decoded_is_refused_by_its_name(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error, match="logo"):
        check_header("logo", data)


def test_many_chunks_and_many_scans_are_refused() -> None:
    jpeg = noisy((16, 16), "JPEG")
    at = jpeg.index(b"\xff\xda")
    scans = jpeg[:at] + jpeg[at:-2] * 70 + jpeg[-2:]
    for data in (png_with(png_chunk(b"teXt", b"") * 30_000), scans):
        with pytest.raises(AssetNotAnImage, match="more than"):
            check_header("a", data)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff\xd0" * 2_400_000,
        b"\xff\xd8\xff\xda\x00\x02" + b"\xff\x00" * 2_400_000,
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 1_200_000,
        b"\xff\xd8" + b"\xff" * 4_900_000,
        b"\xff\xd8\xff\xda\x00\x02" + b"\xff" * 4_900_000,
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", bytes(13)) + png_chunk(b"aaaa", b"") * 400_000,
    ],
    ids=["restarts", "stuffing", "segments", "fill", "fill in coded data", "chunks"],
)
def test_five_megabytes_of_nonsense_are_seen_through_at_once(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(AssetNotAnImage):
        check_header("a", data)
    assert time.process_time() - began < 1


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=6))
@example("jpeg", [(3, 0xFF)])
def test_damaged_images_are_refused_or_read_but_never_an_accident(name: str, damage: list[tuple[int, int]]) -> None:
    data = bytearray(GOOD[name])
    for at, value in damage:
        data[at % len(data)] = value
    try:
        header = check_header("a", bytes(data))
    except (AssetNotAnImage, AssetTooLarge):
        return
    assert 0 < header.end <= len(data)
    assert 0 < header.width * header.height <= MAX_ASSET_PIXELS


def test_the_limits_are_those_of_the_room_that_decodes() -> None:
    assert (image_header.MAX_BYTES, image_header.MAX_PIXELS) == (MAX_ASSET_BYTES, MAX_ASSET_PIXELS)
