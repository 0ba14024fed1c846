"""What an uploaded file says that it is, before anything decodes it: PNG or JPEG, its size, where it ends.

Takes bytes from anyone, gives an ImageHeader; reads markers and lengths, never pixels, in time linear in the bytes.
Refuses other formats whatever they are called, animations, images too large in bytes or pixels, and files that are
cut off. What lies behind the end of the image (an archive, a film, a second image) is not part of it.

PNG: W3C Portable Network Graphics (Third Edition), chunk layout in section 5. JPEG: ITU-T T.81, annex B.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal

from compositing.errors import AssetNotAnImage, AssetTooLarge

MAX_BYTES = 5_000_000
MAX_PIXELS = 16_000_000
MAX_SIDE = 32_767
_MAX_PARTS = 20_000
"""Chunks of a PNG, segments of a JPEG."""
_MAX_SCANS = 64
"""A progressive JPEG of a camera has ten; a thousand are there to keep a decoder busy."""

_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNK = struct.Struct(">I4s")
_IHDR = struct.Struct(">II")
_SIZE = struct.Struct(">HH")
_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SOS, _EOI = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff++([^\x00\xff\xd0-\xd7])", re.DOTALL)
"""A marker that divides a file, with the fill bytes before it."""
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
"""Where coded data end: stuffed zeros and restarts are part of them."""


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """A still image; sides in pixels as stored, `end` bytes of the file are the image."""

    form: Literal["png", "jpeg"]
    width: int
    height: int
    end: int


def check_header(name: str, data: bytes) -> ImageHeader:
    """The header of a PNG or JPEG that may be decoded. Raises AssetNotAnImage, AssetTooLarge."""
    if len(data) > MAX_BYTES:
        raise AssetTooLarge(name, f"{len(data)} bytes", f"{MAX_BYTES} bytes")
    try:
        header = _parse(data)
    except (struct.error, IndexError):
        raise AssetNotAnImage(name, "the file is cut off") from None
    except _Refused as refused:
        raise AssetNotAnImage(name, str(refused)) from None
    if header.width * header.height > MAX_PIXELS or max(header.width, header.height) > MAX_SIDE:
        limit = f"{MAX_PIXELS} pixels and {MAX_SIDE} on a side"
        raise AssetTooLarge(name, f"{header.width} x {header.height} pixels", limit)
    return header


class _Refused(Exception):
    """Why the bytes are no image of ours."""


def _parse(data: bytes) -> ImageHeader:
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    raise _Refused("it is neither PNG nor JPEG")


def _png(data: bytes) -> ImageHeader:
    at, pixels = len(_PNG), False
    length, kind = _CHUNK.unpack_from(data, at)
    if kind != b"IHDR" or length != 13:
        raise _Refused("its first chunk is no IHDR")
    width, height = _IHDR.unpack_from(data, at + _CHUNK.size)
    for _ in range(_MAX_PARTS):
        length, kind = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size + length + 4
        if at > len(data):
            raise IndexError
        if kind == b"acTL":
            raise _Refused("it is animated")
        pixels |= kind == b"IDAT"
        if kind == b"IEND":
            return _sized("png", width, height, at, pixels)
    raise _Refused(f"it has more than {_MAX_PARTS} chunks")


def _jpeg(data: bytes) -> ImageHeader:
    at, size, scans = 2, (0, 0), 0
    for _ in range(_MAX_PARTS):
        marker, at = _marker(data, at)
        if marker == _EOI:
            return _sized("jpeg", *size, at, scans > 0)
        if marker in _START_OF_FRAME:
            if size != (0, 0):
                raise _Refused("it holds more than one frame")
            height, width = _SIZE.unpack_from(data, at + 3)
            size = width, height
        scans += marker == _SOS
        if scans > _MAX_SCANS:
            raise _Refused(f"it has more than {_MAX_SCANS} scans")
        at = _after_segment(data, at, marker == _SOS)
    raise _Refused(f"it has more than {_MAX_PARTS} segments")


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at `at` and where it ends; fill bytes may stand before it."""
    found = _MARKER.match(data, at)
    if found is None:
        if data[at] == 0xFF:
            raise IndexError
        raise _Refused("a marker is missing where one must be")
    return found[1][0], found.end()


def _after_segment(data: bytes, at: int, coded: bool) -> int:
    """Where the segment ends whose length stands at `at`, and the coded data after it, if there is any."""
    (length,) = struct.unpack_from(">H", data, at)
    if length < 2:
        raise _Refused("a segment has no length")
    at += length
    if not coded:
        return at
    found = _NEXT_MARKER.search(data, at)
    if found is None:
        raise IndexError
    return found.start()


def _sized(form: Literal["png", "jpeg"], width: int, height: int, end: int, pixels: bool) -> ImageHeader:
    if not (width and height and pixels):
        raise _Refused("it has no pixels")
    return ImageHeader(form, width, height, end)
