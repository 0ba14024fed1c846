"""Preview streams planned and rendered in this process, for tests that look at single segments."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from farm.executors.base import CancelToken
from farm.executors.local import LocalExecutor
from farm.prepare import Prepared, prepare
from farm.preview_growth import Who, who
from farm.preview_plan import PlannedStream, PreviewChoices, plan_streams, render_choices
from renderer.preview import PreviewRenderer, PreviewStream, RenderedSegment, stream_init
from renderer.rtp.extensions import ExtensionIds
from renderer.workbench import Workbench
from tests.support.exports import opened


def prepared_of(source: Path) -> Prepared:
    """The recording in a folder `rooms/R/ID`, read through."""
    return prepare(opened(source), ExtensionIds(), "freeze", LocalExecutor(), lambda event: None, CancelToken())


def planned(
    prepared: Prepared, asked: PreviewChoices | None = None, engine: str = "engine"
) -> dict[Who, PlannedStream]:
    """The streams of a recording by peer and kind."""
    asked = asked or PreviewChoices(segment_seconds=2)
    streams = plan_streams(prepared, asked, render_choices(asked, "freeze", 120.0), engine)
    return {who(p): p for p in streams}


def rendered(stream: PreviewStream, first: int = 1, last: int | None = None) -> list[RenderedSegment]:
    """Segments [first, last] of a stream, in one go."""
    renderer = PreviewRenderer(Workbench(stream.render), stream, first, last or stream.grid.count, time.perf_counter)
    return list(renderer.render())


def file_of(stream: PreviewStream, name: str, segments: Sequence[RenderedSegment]) -> bytes:
    """The init segment of a rendition and these segments, as a player is fed with them."""
    (rendition,) = (r for r in stream.renditions if r.name == name)
    init = stream_init(rendition, stream.render.video, stream.render.audio)
    return init.data + b"".join(s.files[name] for s in segments)
