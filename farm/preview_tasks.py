"""What a worker runs for previews: one span of one stream. Each segment is put as it is done, then told in a record.

So a worker that dies costs the segment that it was in: who takes the span over goes on behind what the record tells.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from farm.executors.base import TaskContext
from farm.preview_records import PreviewTarget, SegmentRecord, kind_of, read_record, write_record
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

    @property
    def records(self) -> str:
        """The prefix of the stream's records."""
        return self.target.records_of(self.stream.peer_id, kind_of(self.stream))


def render_preview(context: TaskContext, work: PreviewWork) -> list[SegmentRecord]:
    """Renders a span; what is known of its segments. They have the same bytes whoever makes them, and however often.

    Progress is in frames; when it tells of a frame, all segments before that frame's are there.
    """
    store = open_store(work.target.store)
    records = _done_before(store, work)
    first = work.first + len(records)
    if first <= work.last:
        renderer = PreviewRenderer(Workbench(work.stream.render), work.stream, first, work.last, time.perf_counter)
        for segment in renderer.render(_reporter(context, work, first)):
            records.append(_put(store, work, segment))
            write_record(store, work.records, records)
            key, size = work.keys[segment.number - work.first], sum(records[-1].sizes)
            context.stored({"chunk": key, "kind": "segment", "bytes": size, "seconds": dict(segment.seconds)})
            if segment.number < work.last:
                context.hand_back()
    return records


def _done_before(store: ObjectStore, work: PreviewWork) -> list[SegmentRecord]:
    """What somebody who began this span has finished of it: records of earlier runs are gone by now."""
    known = read_record(store, work.records, work.first)
    done: list[SegmentRecord] = []
    for number, key in enumerate(work.keys, work.first):
        if number not in known or known[number].key != key:
            break
        done.append(known[number])
    return done


def _reporter(context: TaskContext, work: PreviewWork, first: int) -> Callable[[], None]:
    """Called after each frame from segment `first` on: how far the span is, and whether to go on."""
    grid = work.stream.grid
    begin = grid.frames(work.first).start
    total = grid.frames(work.last).stop - begin
    done = grid.frames(first).start - begin

    def on_frame() -> None:
        nonlocal done
        done += 1
        context.check_cancelled()
        context.progress(done, total, "frames")

    return on_frame


def _put(store: ObjectStore, work: PreviewWork, segment: RenderedSegment) -> SegmentRecord:
    keys, who, number = work.target.keys, (work.stream.peer_id, work.stream.source), segment.number
    for name, data in segment.files.items():
        store.put(keys.stream(*who, name).segment(number), data)
    if segment.still is not None:
        store.put(keys.still(*who, number), segment.still)
    sizes = tuple(len(segment.files[rendition.name]) for rendition in work.stream.renditions)
    peaks = b"" if segment.peaks is None else segment.peaks.tobytes()
    return SegmentRecord(number, work.keys[number - work.first], sizes, peaks)
