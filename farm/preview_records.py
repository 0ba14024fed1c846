"""What is known of preview segments that lie under their final names: content keys, sizes and waveforms.

A record is a small object in the cache, written after its segments. It never tells of a segment that is not there
as it says: a run drops what it will overwrite before it renders. Where records are lost or cannot be read, segments
are made again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from renderer.preview import PreviewStream
from storage.errors import ObjectNotFound
from storage.keys import PreviewKeys, encode_id
from storage.objects import ObjectStore, StoreSpec

_VERSION = 2

StreamKind = Literal["camera", "screenshare", "audio"]
"""What tells the streams of a peer apart: whose pictures they show, or that they are sound alone."""


def kind_of(stream: PreviewStream) -> StreamKind:
    """Which of a peer's streams this is."""
    return stream.source if any(rendition.size for rendition in stream.renditions) else "audio"


@dataclass(frozen=True, slots=True)
class PreviewTarget:
    """Where previews and their records go: key prefixes in a store, "" or ending in a slash."""

    store: StoreSpec
    root: str
    records: str

    @property
    def keys(self) -> PreviewKeys:
        return PreviewKeys(self.root)

    def records_of(self, peer_id: str, kind: StreamKind) -> str:
        """The prefix of all records of a stream."""
        return f"{self.records}{kind}/{encode_id(peer_id)}/"


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """One segment that is there."""

    number: int
    key: str
    """Its content key."""
    sizes: tuple[int, ...]
    """Bytes of its file in each rendition."""
    peaks: bytes
    """Its waveform: pairs of int8; empty for a stream without sound."""


def write_record(store: ObjectStore, prefix: str, segments: Sequence[SegmentRecord]) -> None:
    """Stores what is known of `segments`, named after the first."""
    rows = [[s.number, s.key, list(s.sizes), base64.b64encode(s.peaks).decode()] for s in segments]
    if rows:
        document = {"version": _VERSION, "segments": rows}
        store.put(_name(prefix, segments[0].number), json.dumps(document).encode())


def read_record(store: ObjectStore, prefix: str, first: int) -> dict[int, SegmentRecord]:
    """The record that begins with segment `first`; empty if there is none."""
    return {record.number: record for record in _read(store, _name(prefix, first))}


def read_records(store: ObjectStore, prefix: str) -> dict[int, SegmentRecord]:
    """All that is known of a stream, by segment number. A record that cannot be read tells nothing."""
    return {record.number: record for info in store.list(prefix) for record in _read(store, info.key)}


def replace_records(store: ObjectStore, prefix: str, valid: Mapping[int, SegmentRecord]) -> None:
    """Makes one record of what is valid, and forgets the rest."""
    old = [info.key for info in store.list(prefix)]
    kept = [valid[number] for number in sorted(valid)]
    write_record(store, prefix, kept)
    for key in old:
        if not kept or key != _name(prefix, kept[0].number):
            store.delete(key)


def waveform(records: Iterable[SegmentRecord]) -> NDArray[np.int8]:
    """The waveform of a stream, (n, 2) int8, from its segments in order."""
    return np.frombuffer(b"".join(r.peaks for r in records), np.int8).reshape(-1, 2)


def _name(prefix: str, first: int) -> str:
    return f"{prefix}{first:06d}.json"


def _read(store: ObjectStore, key: str) -> list[SegmentRecord]:
    try:
        return _parse(store.get(key))
    except ObjectNotFound:
        return []


def _parse(data: bytes) -> list[SegmentRecord]:
    try:
        document = json.loads(data)
        return [_record(*row) for row in document["segments"]] if document["version"] == _VERSION else []
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _record(number: object, key: object, sizes: object, peaks: object) -> SegmentRecord:
    """Raises ValueError or TypeError for what no run has written."""
    if not (isinstance(number, int) and isinstance(key, str) and isinstance(sizes, list) and isinstance(peaks, str)):
        raise TypeError("a row has other types")
    return SegmentRecord(number, key, tuple(sizes), base64.b64decode(peaks, validate=True))
