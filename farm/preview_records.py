"""What is known of preview segments that lie under their final names: their content keys and their waveforms.

A record is a small object in the cache, written after its segments. It never tells of a segment that is not there
as it says: a run drops what it will overwrite before it renders. Where records are lost, segments are made again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compositing.scene import SourceKind
from storage.keys import PreviewKeys, encode_id
from storage.objects import ObjectStore, StoreSpec

_VERSION = 1


@dataclass(frozen=True, slots=True)
class PreviewTarget:
    """Where previews and their records go: key prefixes in a store, "" or ending in a slash."""

    store: StoreSpec
    root: str
    records: str

    @property
    def keys(self) -> PreviewKeys:
        return PreviewKeys(self.root)

    def records_of(self, peer_id: str, source: SourceKind) -> str:
        """The prefix of all records of a stream."""
        return f"{self.records}{source}/{encode_id(peer_id)}/"


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """One segment that is there."""

    number: int
    key: str
    """Its content key."""
    peaks: bytes
    """Its waveform: pairs of int8; empty for a stream without sound."""


def write_record(store: ObjectStore, prefix: str, segments: Iterable[SegmentRecord]) -> None:
    """Stores what is known of `segments`, named after the first."""
    rows = [[s.number, s.key, base64.b64encode(s.peaks).decode()] for s in segments]
    if rows:
        store.put(f"{prefix}{rows[0][0]:06d}.json", json.dumps({"version": _VERSION, "segments": rows}).encode())


def read_records(store: ObjectStore, prefix: str) -> dict[int, SegmentRecord]:
    """All that is known of a stream, by segment number. A record that cannot be read tells nothing."""
    found: dict[int, SegmentRecord] = {}
    for info in store.list(prefix):
        found |= {record.number: record for record in _parse(store.get(info.key))}
    return found


def _parse(data: bytes) -> list[SegmentRecord]:
    try:
        document = json.loads(data)
        if document["version"] != _VERSION:
            return []
        return [SegmentRecord(int(k), str(key), base64.b64decode(peaks)) for k, key, peaks in document["segments"]]
    except (ValueError, KeyError, TypeError):
        return []


def replace_records(store: ObjectStore, prefix: str, valid: Mapping[int, SegmentRecord]) -> None:
    """Makes one record of what is valid, and forgets the rest."""
    old = [info.key for info in store.list(prefix)]
    kept = [valid[number] for number in sorted(valid)]
    write_record(store, prefix, kept)
    for key in old:
        if not kept or key != f"{prefix}{kept[0].number:06d}.json":
            store.delete(key)


def waveform(records: Iterable[SegmentRecord]) -> NDArray[np.int8]:
    """The waveform of a stream, (n, 2) int8, from its segments in order."""
    return np.frombuffer(b"".join(r.peaks for r in records), np.int8).reshape(-1, 2)
