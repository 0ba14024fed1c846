"""What a worker runs for previews: one span of one stream, its segments put as they are done, then its record."""

from __future__ import annotations

from dataclasses import dataclass

from farm.executors.base import TaskContext
from farm.preview_records import PreviewTarget, SegmentRecord, write_record
from renderer.preview import PreviewRenderer, PreviewStream, RenderedSegment
from renderer.workbench import Workbench
from storage.objects import ObjectStore, open_store


@dataclass(frozen=True, slots=True)
class PreviewWork:
    """Segments [first, last] of a stream, their content keys, and where they go."""

    stream: PreviewStream
    first: int
    last: int
    keys: tuple[str, ...]
    target: PreviewTarget


def render_preview(context: TaskContext, work: PreviewWork) -> int:
    """Renders a span; the bytes that were stored. The same segments have the same bytes, so it may run twice."""
    store = open_store(work.target.store)
    grid = work.stream.grid
    total = grid.frames(work.last).stop - grid.frames(work.first).start
    done = stored = 0

    def on_frame() -> None:
        nonlocal done
        done += 1
        context.check_cancelled()
        context.progress(done, total, "frames")

    records: list[SegmentRecord] = []
    renderer = PreviewRenderer(Workbench(work.stream.render), work.stream, work.first, work.last)
    for segment in renderer.render(on_frame):
        stored += _put(store, work, segment)
        peaks = b"" if segment.peaks is None else segment.peaks.tobytes()
        records.append(SegmentRecord(segment.number, work.keys[segment.number - work.first], peaks))
    write_record(store, work.target.records_of(work.stream.peer_id, work.stream.source), records)
    return stored


def _put(store: ObjectStore, work: PreviewWork, segment: RenderedSegment) -> int:
    keys, who = work.target.keys, (work.stream.peer_id, work.stream.source)
    objects = {keys.stream(*who, name).segment(segment.number): data for name, data in segment.files.items()}
    if segment.still is not None:
        objects[keys.still(*who, segment.number)] = segment.still
    for key, data in objects.items():
        store.put(key, data)
    return sum(map(len, objects.values()))
