"""Indexes at rest: an index as bytes, and the key under which it lies beside the recording.

The key is tied to the names, sizes and etags of the segment files, to recording time zero, to the extension
ids and to the version of this code; where any differs it is another index. An index has one form in bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.errors import CorruptIndex
from renderer.rtp.clock import ClockFit
from renderer.rtp.extensions import ExtensionIds
from renderer.track_index import SegmentStamp, TrackIndex, TrackStats
from storage.manifest import TrackRef
from storage.notices import Notice
from storage.recordings import Recording

VERSION = 1
"""Rises with every change of what an index says about the same bytes."""

_SCALARS = ("track_id", "kind", "codec", "ssrc", "payload_type", "clock_rate")
_NESTED = ("segments", "clock", "notices", "stats")
_COLUMNS = tuple(f.name for f in fields(TrackIndex) if f.name not in _SCALARS + _NESTED)
_CLOCK_COLUMNS = ("knots_ticks", "knots_ms", "fit_starts")


def index_key(recording: Recording, track: TrackRef, ids: ExtensionIds | None = None) -> str:
    """Where the index of `track` lies, if it is saved."""
    return recording.keys.index(track.track_id, _stamp(recording, track, ids or ExtensionIds()))


def save_index(recording: Recording, key: str, index: TrackIndex) -> None:
    """Puts the index under its key; raises StorageError where the store fails."""
    recording.store.put(key, pack_index(index))


def _stamp(recording: Recording, track: TrackRef, ids: ExtensionIds) -> str:
    """A digest of all that decides the index of `track`."""
    decides = {
        "version": VERSION,
        "zero_unix_ms": recording.manifest.zero_unix_ms,
        "track": [track.track_id, track.kind, track.codec, track.payload_type],
        "segments": [[s.file_name, s.size, s.etag] for s in recording.segments(track)],
        "ids": asdict(ids),
    }
    return blake2b(json.dumps(decides, sort_keys=True).encode(), digest_size=16).hexdigest()


def pack_index(index: TrackIndex) -> bytes:
    """`index` as bytes (a compressed NumPy archive); equal indexes give equal bytes."""
    about = {
        "version": VERSION,
        **{name: getattr(index, name) for name in _SCALARS},
        "segments": [asdict(s) for s in index.segments],
        "notices": [[n.code, n.message, n.track_id] for n in index.notices],
        "stats": asdict(index.stats),
    }
    arrays = {name: getattr(index, name) for name in _COLUMNS}
    arrays |= {f"clock_{name}": getattr(index.clock, name) for name in _CLOCK_COLUMNS}
    arrays["about"] = np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def load_index(data: bytes) -> TrackIndex:
    """The index that `pack_index` wrote; raises CorruptIndex for anything else."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return _unpacked(arrays)
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise CorruptIndex(f"{type(error).__name__}: {error}") from None


def _unpacked(arrays: Mapping[str, NDArray[Any]]) -> TrackIndex:
    about = json.loads(arrays["about"].tobytes())
    if about["version"] != VERSION:
        raise ValueError(f"version {about['version']} where {VERSION} is meant")
    clock = ClockFit(about["clock_rate"], *(arrays[f"clock_{name}"] for name in _CLOCK_COLUMNS))
    plain: dict[str, Any] = {name: about[name] for name in _SCALARS}
    plain |= {name: arrays[name] for name in _COLUMNS}
    return TrackIndex(
        **plain,
        segments=tuple(SegmentStamp(**s) for s in about["segments"]),
        clock=clock,
        notices=tuple(Notice(*n) for n in about["notices"]),
        stats=TrackStats(**about["stats"]),
    )
