"""What played previews must show: the checks that tests in the browser share, and their figures to print.

Takes previews, and what a `Stage` tells of their players; raises AssertionError with the figure that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tests.support.barcode import WRAP_MS, Luma, read_barcode
from tests.support.browser import Browser, Frame, Shown, Stage
from tests.support.previews import LEGIBLE_PX, Preview, SourceTruth, Stream

RECORDING_TIME_OFF_MS = 100.0
PEERS_APART_MS = 40.0
EARLY_MS = {"camera": 100.0, "screenshare": 250.0}
"""No picture is put on the screen so much before its time. Chromium paces by the mean of the last 32 frames: what comes
after slides, held at five frames per second, it shows up to 200 ms early; cameras are led in frame by frame."""
LEGIBLE_SHARE = 0.98
EDGE_MS = 150.0
"""So near to where a picture comes or goes, nothing is asked of it: arrival is not the time of drawing."""
BLACK = 40
"""Luma, full range; 16 of limited range is 0."""
SMALL_PX = 480
"""Pictures are drawn so wide at most: the barcode is legible, and there is less to carry."""
BESIDE = 4
"""Streams that are played side by side on two cores."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One reading of one barcode."""

    t_ms: float
    """The time at which it should be shown."""
    index: int
    off_ms: float
    """Time of drawing less `t_ms`."""


def batches(streams: Sequence[Stream]) -> list[Sequence[Stream]]:
    """As many as are played side by side."""
    return [streams[at : at + BESIDE] for at in range(0, len(streams), BESIDE)]


def opened(browser: Browser, preview: Preview, streams: Iterable[Stream], *, sound: bool = False) -> Stage:
    """A stage that plays those streams."""
    return browser.open([browser.url(preview.folder, s.playlist) for s in streams], sound=sound)


def watch(stage: Stage, streams: Sequence[Stream]) -> None:
    """Lets the stage keep each frame's barcode, wherever in the frame a stream has its picture."""
    stage.watch([stream.rects for stream in streams])


def check_untroubled(stage: Stage, streams: Sequence[Stream]) -> None:
    """No fatal error and no stall so far."""
    for stream, state in zip(streams, stage.states(), strict=True):
        assert state.trouble == "", (str(stream), state)


def check_played(preview: Preview, stream: Stream, frames: Sequence[Frame], begin_s: float, end_s: float) -> None:
    """What was shown from `begin_s` to `end_s`: frames in order, none early, each with the right picture or none."""
    times = np.array([frame.frame_s for frame in frames])
    assert len(times), str(stream)
    assert np.all(np.diff(times) >= 0), str(stream)
    assert times[0] <= begin_s + 0.5, (str(stream), times[0])
    assert times[-1] >= end_s - 0.5, (str(stream), times[-1])
    for frame in frames:
        if _is_absent(stream, 1000 * frame.frame_s):
            assert max((int(row.max()) for row in frame.rows), default=0) < BLACK, (str(stream), frame.frame_s)
        else:
            assert 1000 * frame.early_s <= EARLY_MS[stream.source], (str(stream), frame.frame_s, frame.early_s)
    asked = [frame for frame in frames if _can_be_read(preview, stream, 1000 * frame.frame_s)]
    seen = readings(preview, stream, asked)
    print(figures(stream, seen))
    assert len(seen) >= LEGIBLE_SHARE * len(asked), (str(stream), len(seen), len(asked))
    check_times(stream, preview.truth(stream), seen)


def readings(preview: Preview, stream: Stream, frames: Iterable[Frame]) -> list[Seen]:
    """What frames say that were shown while playing, where they must say something."""
    seen = []
    for frame in frames:
        t_ms = 1000 * frame.frame_s
        if _can_be_read(preview, stream, t_ms) and (read := frame.read(_place(stream, t_ms))):
            seen.append(_seen(t_ms, read))
    return seen


def check_times(stream: Stream, truth: SourceTruth, seen: Sequence[Seen]) -> None:
    """All are pictures of that source, drawn when they should be; the last one stands until there is a new one."""
    assert {s.index for s in seen} <= {truth.index}, str(stream)
    late_ms = RECORDING_TIME_OFF_MS + truth.frame_ms
    wrong = [s for s in seen if not -late_ms <= s.off_ms <= RECORDING_TIME_OFF_MS]
    assert wrong == [], (str(stream), wrong)


def read_shown(preview: Preview, stream: Stream, shown: Shown, t_ms: float) -> Seen | None:
    """What a drawn player says, if there is a whole picture at that time; it must be legible then."""
    if not _can_be_read(preview, stream, t_ms):
        return None
    rect, scale = stream.rects[_place(stream, t_ms)], shown.luma.shape[1] / stream.width
    read = read_barcode(shown.luma, rect.x * scale, rect.y * scale, rect.w * scale, rect.h * scale)
    assert read is not None, (str(stream), t_ms)
    return _seen(t_ms, read)


def is_black(luma: Luma) -> bool:
    return bool(luma.max() < BLACK)


def figures(stream: Stream, seen: Sequence[Seen]) -> str:
    """A line to print."""
    if not seen:
        return f"  {stream}: nothing to read"
    low, middle, high = np.percentile([s.off_ms for s in seen], (0, 50, 100))
    return f"  {stream!s:16} {len(seen):4} pictures, off {low:6.1f} .. {middle:6.1f} .. {high:6.1f} ms"


def beep_windows(preview: Preview, streams: Sequence[Stream], length_ms: int, each: int) -> Iterator[tuple[int, int]]:
    """Spans of that length in which, taken together, each peer beeps `each` times; as few as a greedy choice finds."""
    wanting = {stream.peer_id: each for stream in streams if len(preview.truth(stream).beeps_ms) >= each}
    beeps = {stream.peer_id: _beeps_with_picture(preview, stream) for stream in streams}
    while any(wanting.values()):
        heard = {
            begin: {p: _between(beeps[p], begin, length_ms) for p in wanting}
            for begin in range(500, preview.duration_ms - length_ms, 500)
        }
        begin = max(heard, key=lambda b: sum(min(wanting[p], n) for p, n in heard[b].items()))
        if not any(min(wanting[p], n) for p, n in heard[begin].items()):
            return
        yield begin, begin + length_ms
        wanting = {p: max(0, n - heard[begin][p]) for p, n in wanting.items()}


def _beeps_with_picture(preview: Preview, stream: Stream) -> list[float]:
    truth = preview.truth(stream)
    return [ms for ms in truth.beeps_ms if truth.is_seen(ms, EDGE_MS)]


def _between(beeps_ms: Iterable[float], begin_ms: int, length_ms: int) -> int:
    """How many beeps lie well within."""
    return sum(begin_ms + 300 <= ms <= begin_ms + length_ms - 300 for ms in beeps_ms)


def _is_absent(stream: Stream, t_ms: float) -> bool:
    """Whether the frame at that time has no picture: one in which a picture comes or goes may show it."""
    step = 1000 / stream.fps
    return all(t_ms + step < span.start_ms or span.end_ms + step < t_ms for span in stream.spans)


def _can_be_read(preview: Preview, stream: Stream, t_ms: float) -> bool:
    rect = stream.rect_at(t_ms)
    return rect is not None and rect.w >= LEGIBLE_PX and preview.truth(stream).is_seen(t_ms, EDGE_MS)


def _place(stream: Stream, t_ms: float) -> int:
    rect = stream.rect_at(t_ms)
    assert rect is not None
    return stream.rects.index(rect)


def _seen(t_ms: float, read: tuple[int, int]) -> Seen:
    told_ms = read[1] + round((t_ms - read[1]) / WRAP_MS) * WRAP_MS
    return Seen(t_ms, read[0], told_ms - t_ms)
