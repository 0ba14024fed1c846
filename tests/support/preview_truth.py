"""What the pictures of a preview stream tell of themselves, and what they must tell.

    seen = look(preview, stream, ((tick / 90, luma) for tick, luma in hls_check.pictures(data)))
    check_told_times(preview, stream, seen)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tests.support.barcode import WRAP_MS, Luma, read_barcode
from tests.support.hls_check import GRID_FPS
from tests.support.previews import LEGIBLE_PX, Preview, Stream
from tests.support.truth import Floats

OFF_TIME_MS = 100.0
LEGIBLE_SHARE = 0.98
EDGE_MS = 150.0
"""How near to a loss, a pause or an end a picture is not judged: arrival jitters."""


@dataclass(frozen=True)
class Told:
    """What the pictures of a stream tell, where whole ones must be there."""

    asked: int
    strangers: int
    shown_ms: Floats
    content_ms: Floats
    """Of each legible picture: when it is seen first, and when it was drawn."""

    @property
    def off_ms(self) -> Floats:
        return self.content_ms - self.shown_ms


def look(preview: Preview, stream: Stream, pictures: Iterable[tuple[float, Luma]]) -> Told:
    """Reads those of the (ms, luma) `pictures` that must be whole and wide enough."""
    truth = preview.truth(stream)
    rows: list[tuple[float, float]] = []
    asked = strangers = 0
    for t_ms, luma in pictures:
        rect = stream.rect_at(t_ms)
        if rect is None or rect.w < LEGIBLE_PX or not truth.is_seen(t_ms, EDGE_MS):
            continue
        asked += 1
        if read := read_barcode(luma, rect.x, rect.y, rect.w, rect.h):
            strangers += read[0] != truth.index
            rows.append((t_ms, read[1] + round((t_ms - read[1]) / WRAP_MS) * WRAP_MS))
    table = np.array(rows, np.float64).reshape(-1, 2)
    return Told(asked, strangers, table[:, 0], table[:, 1])


def check_told_times(preview: Preview, stream: Stream, seen: Told) -> float:
    """They are those of the right source, in order, shown when they were drawn; gives the median offset in ms."""
    truth = preview.truth(stream)
    assert seen.strangers == 0, stream
    assert len(seen.shown_ms) >= LEGIBLE_SHARE * seen.asked, (stream, len(seen.shown_ms), seen.asked)
    assert (np.diff(seen.content_ms) >= 0).all(), stream
    low, median, high = np.percentile(seen.off_ms, (5, 50, 95))
    print(f"{preview.name} {stream}: {len(seen.shown_ms)} pictures, {low:.0f} {median:.0f} {high:.0f} ms")
    assert high - low <= 1000 / GRID_FPS + max(1000 / truth.fps, truth.frame_ms), (stream, low, high)
    assert np.abs(seen.off_ms).max() <= OFF_TIME_MS + truth.frame_ms, stream
    return float(median)
