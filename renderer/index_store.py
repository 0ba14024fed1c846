"""Indexes at rest: an index as bytes, and the cache that keeps it beside the recording.

A saved index is tied to the names, sizes and etags of the segment files, to recording time zero, to the
extension ids and to the version of this code; where any differs it is built again. The same index gives the
same bytes. What cannot be read back is built again, never an error.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, fields
from hashlib import blake2b

import numpy as np

from renderer.index import TrackIndex, TrackStats, build_index
from renderer.rtp.clock import ClockFit
from renderer.rtp.extensions import ExtensionIds
from renderer.track_packets import SegmentStamp
from storage.errors import ObjectNotFound
from storage.manifest import TrackRef
from storage.notices import Notice
from storage.recordings import Recording

VERSION = 1
"""Rises with every change of what an index says about the same bytes."""

_SCALARS = ("track_id", "kind", "codec", "ssrc", "payload_type", "clock_rate")
_NESTED = ("segments", "clock", "notices", "stats")
_COLUMNS = tuple(f.name for f in fields(TrackIndex) if f.name not in _SCALARS + _NESTED)
_CLOCK_COLUMNS = ("knots_ticks", "knots_ms", "fit_starts")


def load_or_build_index(
    recording: Recording, track: TrackRef, ids: ExtensionIds | None = None
) -> tuple[TrackIndex, bool]:
    """The saved index of `track` and True, or a new one, saved on the way, and False.

    Raises UnknownCodec, and StorageError where the store fails.
    """
    ids = ids or ExtensionIds()
    key = recording.keys.index(track.track_id, index_stamp(recording, track, ids))
    try:
        saved = unpack_index(recording.store.get(key))
    except ObjectNotFound:
        saved = None
    if saved is not None:
        return saved, True
    index = build_index(recording, track, ids)
    recording.store.put(key, pack_index(index))
    return index, False


def index_stamp(recording: Recording, track: TrackRef, ids: ExtensionIds) -> str:
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


def unpack_index(data: bytes) -> TrackIndex | None:
    """The index that `pack_index` wrote; None where these bytes are none, or of another version."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            if about["version"] != VERSION:
                return None
            clock = ClockFit(about["clock_rate"], *(arrays[f"clock_{name}"] for name in _CLOCK_COLUMNS))
            return TrackIndex(
                **{name: about[name] for name in _SCALARS},
                **{name: arrays[name] for name in _COLUMNS},
                segments=tuple(SegmentStamp(**s) for s in about["segments"]),
                clock=clock,
                notices=tuple(Notice(*n) for n in about["notices"]),
                stats=TrackStats(**about["stats"]),
            )
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile, zipfile.zlib.error):
        return None
