"""Images as people upload them, and as those do who mean harm."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

from PIL import Image


def encoded(size: tuple[int, int], form: str, mode: str = "RGB", **options: Any) -> bytes:
    """A file of one colour, in a format of Pillow's."""
    data = io.BytesIO()
    Image.new(mode, size, 200).save(data, form, **options)
    return data.getvalue()


def noisy(size: tuple[int, int], form: str, **options: Any) -> bytes:
    """A file of noise: coded data with every byte in it."""
    data = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(data, form, **options)
    return data.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of one pixel whose header, with a good checksum, claims another size."""
    small = encoded((1, 1), "PNG")
    header = struct.pack(">II", width, height) + small[24:29]
    return small[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + small[33:]


def jpeg_claiming(width: int, height: int) -> bytes:
    """A JPEG of 8 pixels whose frame claims another size."""
    small = encoded((8, 8), "JPEG")
    at = small.index(b"\xff\xc0") + 5
    return small[:at] + struct.pack(">HH", height, width) + small[at + 4 :]


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(chunk: bytes) -> bytes:
    """A good PNG with one chunk more, before its pixels."""
    small = encoded((4, 4), "PNG")
    at = small.index(b"IDAT") - 4
    return small[:at] + chunk + small[at:]


def animated_png() -> bytes:
    """Two frames."""
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = io.BytesIO()
    frames[0].save(data, "PNG", save_all=True, append_images=frames[1:])
    return data.getvalue()


def archive() -> bytes:
    """A ZIP: its directory is at its end, so it can hang on to anything."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("index.html", "<script>alert(1)</script>")
    return data.getvalue()
