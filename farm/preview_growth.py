"""A stream while it is made: which of its segments are there, and what its playlists may list. No input, no output.

A segment counts as there once it is stored under its content key. Playlists list what can be played without a hole;
they are told again at once when a stream becomes playable, grows by a whole span or is complete, and else about as
often as a player asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from farm.events import ChunkStored, Event, TaskDone, TaskProgress
from farm.preview_plan import PlannedStream, PreviewSpan
from farm.preview_records import SegmentRecord, StreamKind, kind_of
from renderer.playlist import media_playlist
from storage.keys import PreviewStreamKeys

Who = tuple[str, StreamKind]
"""Peer and kind: what tells the streams of a recording apart."""


def who(planned: PlannedStream) -> Who:
    return planned.stream.peer_id, kind_of(planned.stream)


class GrowingStream:
    """One stream, its files by rendition, and the records of what is there."""

    def __init__(
        self, planned: PlannedStream, files: Mapping[str, PreviewStreamKeys], records: dict[int, SegmentRecord]
    ) -> None:
        """`records` are by segment number; of what is rendered now they come once its task has returned."""
        self.planned = planned
        self.files = files
        self.records = records
        self.playable = 0
        """How many segments there are from the first on without a hole."""
        self._there = set(records)
        self._told, self._told_s = -1, 0.0
        self._advance()

    @property
    def missing(self) -> list[int]:
        return [k for k in range(1, self.planned.stream.grid.count + 1) if k not in self._there]

    @property
    def is_complete(self) -> bool:
        return self.playable == self.planned.stream.grid.count

    def grow(self, numbers: Iterable[int]) -> None:
        """These segments are stored now."""
        self._there.update(numbers)
        self._advance()

    def is_due(self, now_s: float, *, span_ended: bool = False) -> bool:
        """Whether there is more to list than was told, and it is time to tell it: at the end of a span always, for
        nobody knows when the next one tells of itself."""
        soon = self._told <= 0 or self.is_complete or span_ended
        return self.playable > self._told and (
            soon or now_s - self._told_s >= self.planned.stream.segment_seconds
        )

    def playlists(self, zero_unix_ms: float, now_s: float) -> dict[str, str]:
        """The playlists as they should be now, by key."""
        self._told, self._told_s = self.playable, now_s
        grid = self.planned.stream.grid
        return {
            files.playlist: media_playlist(
                _name(files.init),
                [(_name(files.segment(k)), grid.length_s(k)) for k in range(1, self.playable + 1)],
                segment_seconds=grid.seconds,
                zero_unix_ms=zero_unix_ms,
                complete=self.is_complete,
            )
            for files in self.files.values()
        }

    def _advance(self) -> None:
        while self.playable + 1 in self._there:
            self.playable += 1


def stored_segments(span: PreviewSpan, event: Event) -> range:
    """The segments of a span that are stored for sure, now that its task tells of itself."""
    if isinstance(event, TaskDone):
        return range(span.first, span.last + 1)
    if isinstance(event, ChunkStored):
        number = span.planned.keys.index(event.chunk) + 1
        return range(span.first, number + 1)   # they are made one after the other
    if not isinstance(event, TaskProgress) or not event.done:
        return range(0)
    grid = span.planned.stream.grid
    drawn = grid.frames(span.first).start + event.done - 1
    return range(span.first, min(drawn // (grid.seconds * grid.fps), span.last) + 1)


def is_whole(record: SegmentRecord, key: str, planned: PlannedStream, sizes: Iterable[int | None]) -> bool:
    """Whether a segment is there as it should be; `sizes` are those of its files, None where one is not there."""
    grid, has_sound = planned.stream.grid, any(r.audio for r in planned.stream.renditions)
    peaks = 2 * len(grid.peaks(record.number)) if has_sound else 0
    return record.key == key and record.sizes == tuple(sizes) and len(record.peaks) == peaks


def _name(key: str) -> str:
    """An object as the playlist beside it names it: percent signs of encoded ids stand only in folders."""
    return key.rsplit("/", 1)[1]
