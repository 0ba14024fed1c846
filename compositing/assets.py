"""Uploaded images, decoded with care: they come from anyone.

Takes the bytes of a PNG or JPEG, gives an upright RGBA image. The declared size is checked before any pixel
is decoded; other formats are not even tried.
"""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from compositing.errors import AssetNotAnImage, AssetTooLarge
from compositing.geometry import Rect, Size, fit_picture

MAX_ASSET_BYTES = 5_000_000
MAX_ASSET_PIXELS = 16_000_000
_FORMATS = ("PNG", "JPEG")


def decode_asset(name: str, data: bytes) -> Image.Image:
    """An uploaded PNG or JPEG as RGBA, turned upright. The size is checked before any pixel is decoded.

    Raises AssetTooLarge, AssetNotAnImage.
    """
    if len(data) > MAX_ASSET_BYTES:
        raise AssetTooLarge(name, f"{len(data)} bytes", f"{MAX_ASSET_BYTES} bytes")
    try:
        with warnings.catch_warnings(action="ignore"):
            return _upright_rgba(name, data)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise AssetNotAnImage(name, str(error)) from error


def _upright_rgba(name: str, data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        if image.width * image.height > MAX_ASSET_PIXELS:
            raise AssetTooLarge(name, f"{image.width} x {image.height} pixels", f"{MAX_ASSET_PIXELS} pixels")
        return ImageOps.exif_transpose(image).convert("RGBA")


def contained(image: Image.Image, size: Size) -> Image.Image:
    """`image` as large as it can be inside `size`, proportions kept, both sides even."""
    place = fit_picture(Size(image.width, image.height), Rect(0, 0, size.w, size.h), "contain")[1]
    premultiplied = image.convert("RGBa")
    return premultiplied.resize((place.w, place.h), Image.Resampling.LANCZOS).convert("RGBA")
