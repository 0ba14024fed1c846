"""The barcode that tells, in each picture, whose it is and when it was drawn.

A row of 24 equal cells at 25..75 % of the picture's width and 44..52 % of its height: white, four bits of
index, sixteen bits of time in units of 10 ms, the XOR of the data bits at even and at odd places, black.
Bits are written most significant first, white is 1. The time is rounded down and wraps after 655.36 s.

Takes and gives luma planes only; knows no codec, no file and no layout.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]

CELLS = 24
TIME_UNIT_MS = 10
WRAP_MS = TIME_UNIT_MS << 16
"""Times are told modulo this."""
WHITE, BLACK = 235, 16

_LEFT, _RIGHT, _TOP, _BOTTOM = 0.25, 0.75, 0.44, 0.52
_BITS = 20
_WEIGHTS = 1 << np.arange(15, -1, -1)
_MIN_CONTRAST = 80.0
_MIN_MARGIN = 0.22
"""How far from the middle grey, in shares of the contrast, each cell must be; legible ones have over 0.4."""
_SHIFTS = np.array([0.0, 0.2, -0.2])
"""Offsets tried, in cells: a tile may sit a fraction of a cell off the rectangle asked for."""
_PROBES = np.linspace(0.3, 0.7, 9)
"""Where in a cell it is sampled, in cells."""


def draw_barcode(y_plane: Luma, index: int, time_ms: float) -> None:
    """Writes the code of (`index` 0..15, `time_ms`) into `y_plane`, an upright (H, W) uint8 picture."""
    h, w = y_plane.shape
    bits = _encode(index, int(time_ms // TIME_UNIT_MS) & 0xFFFF)
    edges = np.round((_LEFT + (_RIGHT - _LEFT) * np.arange(CELLS + 1) / CELLS) * w).astype(int)
    row = np.repeat(np.where(bits, WHITE, BLACK), np.diff(edges))
    y_plane[round(_TOP * h) : round(_BOTTOM * h), edges[0] : edges[-1]] = row


def read_barcode(gray: Luma, x: float, y: float, w: float, h: float) -> tuple[int, int] | None:
    """The (index, time_ms) shown by the picture that lies in (x, y, w, h) of `gray`; None if illegible.

    `gray` is an (H, W) luma plane. The rectangle is where the WHOLE source picture lies, in pixels; it may
    reach outside the plane as long as the code itself does not. Reliable from w = 240 on.
    """
    top, bottom = round(y + 0.46 * h), round(y + 0.50 * h)
    bottom = max(bottom, top + 1)
    left, right = x + _LEFT * w, x + _RIGHT * w
    if top < 0 or bottom > gray.shape[0] or left < -0.5 or right > gray.shape[1] + 0.5:
        return None
    first, last = max(0, int(left) - 2), min(gray.shape[1], int(right) + 3)
    row = gray[top:bottom, first:last].mean(axis=0)
    return _decode(_cells(row, left - first, (right - left) / CELLS))


def _encode(index: int, ticks: int) -> NDArray[np.bool_]:
    data = [(index << 16 | ticks) >> shift & 1 for shift in range(_BITS - 1, -1, -1)]
    parity = [sum(data[0::2]) & 1, sum(data[1::2]) & 1]
    return np.array([1, *data, *parity, 0], bool)


def _cells(row: NDArray[np.float64], left: float, cell: float) -> NDArray[np.float64]:
    """Mean luma of each cell for each of the shifts: (shifts, CELLS)."""
    places = np.arange(CELLS)[None, :, None] + _PROBES + _SHIFTS[:, None, None]
    samples = np.interp(left + cell * places - 0.5, np.arange(len(row)), row)
    means: NDArray[np.float64] = samples.mean(axis=2)
    return means


def _decode(cells: NDArray[np.float64]) -> tuple[int, int] | None:
    """The reading of the first row of `cells` that is clear and whose parity holds."""
    white, black = cells[:, :1], cells[:, -1:]
    level = (cells - black) / np.maximum(white - black, 1e-6) - 0.5
    bits = level > 0
    even, odd = bits[:, 1 : 1 + _BITS : 2], bits[:, 2 : 1 + _BITS : 2]
    good = (
        ((white - black)[:, 0] >= _MIN_CONTRAST)
        & (np.abs(level).min(axis=1) >= _MIN_MARGIN)
        & ((even.sum(axis=1) & 1) == bits[:, 21])
        & ((odd.sum(axis=1) & 1) == bits[:, 22])
    )
    if not good.any():
        return None
    data = bits[int(np.argmax(good)), 1 : 1 + _BITS]
    index = int(data[:4] @ _WEIGHTS[12:])
    return index, int(data[4:] @ _WEIGHTS) * TIME_UNIT_MS
