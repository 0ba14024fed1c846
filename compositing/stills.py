"""A drawn picture as a PNG or JPEG file, and a still of our own making back from its PNG."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from compositing.picture import Picture, Raster

StillFormat = Literal["png", "jpeg"]
JPEG_QUALITY = 90


def encode_still(picture: Picture, form: StillFormat, max_width: int | None = None) -> bytes:
    """The bytes of an image file of `picture`, BT.601 limited range made sRGB; scaled down to `max_width` if wider."""
    h, w = picture.y.shape
    planar = np.concatenate([np.ravel(plane) for plane in picture.planes]).reshape(h * 3 // 2, w)
    bgr = cv2.cvtColor(planar, cv2.COLOR_YUV2BGR_I420)
    if max_width is not None and w > max_width:
        bgr = cv2.resize(bgr, (max_width, round(h * max_width / w)), interpolation=cv2.INTER_AREA)
    options = [] if form == "png" else [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    _, data = cv2.imencode(".png" if form == "png" else ".jpg", bgr, options)
    return data.tobytes()


def decode_raster(png: bytes) -> Raster:
    """The raster that `labels` wrote as PNG. Raises ValueError if it is none."""
    bgra = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if bgra is None or bgra.ndim != 3 or bgra.shape[2] != 4:
        raise ValueError("not a PNG with transparency")
    return Raster(np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA), np.uint8))
