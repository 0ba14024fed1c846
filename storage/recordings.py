"""The door to a recording: opens it where it lies, knows its tracks and reads their segment files.

Takes a StoreSpec and ids, gives a Recording whose manifest is complete: from the documents where they can
be read, from the files under tracks/ where not, each lack told as a Notice. Opening costs one listing and a
handful of small reads; nothing is written. Raises RecordingNotFound where nothing is stored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from storage import manifest as docs
from storage import rebuild
from storage.brtp import HEADER_BYTES, SegmentHeader, parse_header
from storage.errors import MalformedDocument, MalformedSegment, ObjectNotFound, RecordingNotFound
from storage.fields import NS_PER_MS
from storage.keys import RecordingKeys, parse_segment_name
from storage.manifest import Manifest, SegmentRef, TrackRef
from storage.notices import Notice
from storage.objects import ObjectInfo, ObjectStore, StoreSpec, open_store
from storage.rebuild import FoundSegment

BLOCK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class SegmentObject:
    """A segment file that exists and holds more than its header; size in bytes."""

    file_name: str
    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class Recording:
    """An open recording. Not to be pickled: send `spec` and the ids of `keys`."""

    store: ObjectStore
    spec: StoreSpec
    keys: RecordingKeys
    manifest: Manifest
    _segments: Mapping[str, tuple[SegmentObject, ...]] = field(repr=False)

    @property
    def url(self) -> str:
        """Where it lies, for messages."""
        return f"{self.store.url}/{self.keys.prefix}"

    @property
    def completed(self) -> bool:
        """Whether it is finished: nothing more will be recorded."""
        return self.manifest.finished

    def segments(self, track: TrackRef) -> tuple[SegmentObject, ...]:
        """The track's segment files that exist and may hold packets, in index order."""
        return self._segments.get(track.track_id, ())

    def read(self, segment: SegmentObject, start: int, end: int) -> bytes:
        """Bytes [start, end) of a segment file, cut at its end."""
        return self.store.get_range(segment.key, start, end)


def read_blocks(
    store: ObjectStore, key: str, start: int, end: int, block_bytes: int = BLOCK_BYTES
) -> Iterator[bytes]:
    """Bytes [start, end) of an object in blocks, cut at the object's end; one block in memory at a time."""
    for at in range(start, end, block_bytes):
        block = store.get_range(key, at, min(at + block_bytes, end))
        if not block:
            return
        yield block


def split_source(source: str) -> tuple[str, str, str]:
    """(store URL, room id, recording id) of a folder `.../rooms/R/ID` or `s3://bucket[/prefix]/rooms/R/ID`.

    Raises RecordingNotFound for an address of another form.
    """
    path = source.rstrip("/")
    if urlsplit(source).scheme == "file":
        path = unquote(urlsplit(path).path)
    if "://" not in path:
        path = os.path.abspath(path)
    parts = path.rsplit("/", 3)
    if len(parts) != 4 or parts[1] != "rooms" or not all(parts[2:]) or parts[0].endswith("/"):
        raise RecordingNotFound(source, "a recording's address ends in rooms/ROOM_ID/RECORDING_ID")
    return parts[0] or "/", parts[2], parts[3]


def list_recordings(store: ObjectStore) -> Iterator[tuple[str, str]]:
    """(room id, recording id) of all recordings in the store."""
    for room in store.folders("rooms/"):
        for recording in store.folders(room):
            _, room_id, recording_id, _ = recording.split("/")
            yield room_id, recording_id


def open_recording(
    spec: StoreSpec, room_id: str, recording_id: str, store: ObjectStore | None = None
) -> Recording:
    """Opens a recording; `store` is used instead of a new one of `spec` where given."""
    store = open_store(spec) if store is None else store
    keys = RecordingKeys(room_id, recording_id)
    opening = _Opening(store, keys)
    return Recording(store, spec, keys, opening.manifest(), opening.segments)


class _Opening:
    """The steps of opening, and the notices that they leave."""

    def __init__(self, store: ObjectStore, keys: RecordingKeys) -> None:
        self._store, self._keys = store, keys
        self._notices: list[Notice] = []
        self.segments: dict[str, tuple[SegmentObject, ...]] = {}

    def manifest(self) -> Manifest:
        files = {
            info.key.removeprefix(self._keys.tracks): info for info in self._store.list(self._keys.tracks)
        }
        documents = {name: self._document(name) for name in (docs.METADATA, docs.TIMELINE, docs.POLICY)}
        completed = self._store.exists(self._keys.completed)
        if not (files or completed or any(d is not None for d in documents.values())):
            self._must_be_recording()
        return self._assembled(files, documents, completed)

    def _must_be_recording(self) -> None:
        if not self._store.exists(self._keys.recording_marker):
            raise RecordingNotFound(f"{self._store.url}/{self._keys.prefix}", "nothing is stored there")

    def _assembled(
        self, files: Mapping[str, ObjectInfo], documents: Mapping[str, object], completed: bool
    ) -> Manifest:
        policy = self._policy(documents[docs.POLICY])
        metadata = self._metadata(documents[docs.METADATA])
        listed = {s.file_name for t in metadata.tracks for s in t.segments} if metadata else set()
        unlisted = self._found(files, listed)
        zero = metadata.zero_unix_ns if metadata else self._zero(policy, unlisted, documents[docs.TIMELINE])
        events = self._events(documents[docs.TIMELINE], zero)
        metadata = metadata or rebuild.without_metadata(zero, events, completed)
        tracks, notices = rebuild.add_unlisted(metadata.tracks, unlisted, zero, events)
        self._notices += [*metadata.notices, *notices]
        for track in tracks:
            self.segments[track.track_id] = tuple(self._existing(track, files))
        participants, tracks, events = _with_owners(metadata.participants, tracks, events)
        return Manifest(
            recording_id=self._keys.recording_id,
            room_id=self._keys.room_id,
            zero_unix_ms=zero / NS_PER_MS,
            duration_ms=metadata.duration_ms,
            finished=completed or metadata.status in ("completed", "failed"),
            status=metadata.status or ("completed" if completed else "recording"),
            participants=participants,
            tracks=tracks,
            events=events,
            policy=policy,
            notices=tuple(self._notices),
        )

    def _document(self, name: str) -> object:
        """The parsed JSON; None if it is absent or no JSON."""
        try:
            return json.loads(self._store.get(f"{self._keys.prefix}/{name}"))
        except ObjectNotFound:
            return None
        except (ValueError, RecursionError) as error:
            self._tell("document-malformed", f"{name} is no JSON ({error}); the recording is read without it")
            return None

    def _metadata(self, document: object) -> docs.Metadata | None:
        if document is None:
            self._tell(
                "metadata-missing", "there is no usable metadata.json; the recording is rebuilt from tracks/"
            )
            return None
        try:
            return docs.parse_metadata(document)
        except MalformedDocument as error:
            self._tell("document-malformed", f"{error}; the recording is rebuilt from tracks/")
            return None

    def _policy(self, document: object) -> docs.Policy | None:
        try:
            return None if document is None else docs.parse_policy(document)
        except MalformedDocument as error:
            self._tell("document-malformed", f"{error}; the recording counts as one without a policy")
            return None

    def _events(self, document: object, zero: int) -> tuple[docs.TimelineEvent, ...]:
        if document is None:
            self._tell(
                "timeline-missing",
                "there is no usable timeline.json; pauses and speakers are not known from it",
            )
            return ()
        try:
            events, notices = docs.parse_timeline(document, zero)
        except MalformedDocument as error:
            self._tell("document-malformed", f"{error}; the recording is read without it")
            return ()
        self._notices += notices
        return events

    def _zero(self, policy: docs.Policy | None, found: Iterable[FoundSegment], timeline: object) -> int:
        """Unix nanoseconds of recording time zero where metadata.json cannot tell."""
        if policy and policy.snapshot_unix_ns is not None:
            return policy.snapshot_unix_ns
        start_ns = rebuild.earliest_start_ns(found)
        if start_ns is None and isinstance(timeline, dict):
            start_ns = docs.first_event_ns(timeline)
        return start_ns or 0

    def _found(self, files: Mapping[str, ObjectInfo], listed: set[str]) -> list[FoundSegment]:
        """The segment files that are not listed, with their headers."""
        found = []
        for file_name, info in files.items():
            name = parse_segment_name(file_name)
            if file_name in listed:
                continue
            if name is None or "/" in file_name:
                self._tell("file-unknown", f"tracks/{file_name} has no segment's name and is ignored")
            else:
                found.append(FoundSegment(file_name, info.size, name, self._header(info)))
        return found

    def _header(self, info: ObjectInfo) -> SegmentHeader | None:
        try:
            return parse_header(self._store.get_range(info.key, 0, HEADER_BYTES), info.key)
        except (MalformedSegment, ObjectNotFound):
            return None

    def _existing(self, track: TrackRef, files: Mapping[str, ObjectInfo]) -> Iterator[SegmentObject]:
        """The track's files that may hold packets, in index order; a Notice for each that lacks something."""
        for segment in sorted(track.segments, key=_index_order):
            info = files.get(segment.file_name)
            self._check(track, segment, info)
            if info is not None and info.size > HEADER_BYTES:
                yield SegmentObject(segment.file_name, info.key, info.size, info.etag)

    def _check(self, track: TrackRef, segment: SegmentRef, info: ObjectInfo | None) -> None:
        name = segment.file_name
        if info is None or info.size <= HEADER_BYTES:
            if segment.packet_count == 0:
                return
            if info is None:
                self._tell("segment-missing", f"{name} is listed but not stored: its span stays empty", track)
            else:
                self._tell("segment-empty", f"{name} holds no packets ({info.size} bytes)", track)
        elif segment.bytes is not None and segment.bytes != info.size:
            stated = f"{name} has {info.size} bytes, metadata.json says {segment.bytes}"
            self._tell("segment-size", f"{stated}: it may be damaged", track)

    def _tell(self, code: str, message: str, track: TrackRef | None = None) -> None:
        self._notices.append(Notice(code, message, track.track_id if track else None))


def _with_owners(
    listed: tuple[docs.Participant, ...], tracks: tuple[TrackRef, ...], events: tuple[docs.TimelineEvent, ...]
) -> tuple[tuple[docs.Participant, ...], tuple[TrackRef, ...], tuple[docs.TimelineEvent, ...]]:
    """All participants, tracks and events, shared screens being their owners'."""
    owners = rebuild.screen_owners(listed, tracks, events)
    tracks = rebuild.give_screens_to_owners(tracks, owners)
    events = rebuild.give_events_to_owners(events, owners)
    listed = tuple(participant for participant in listed if participant.peer_id not in owners)
    return rebuild.all_participants(listed, tracks, events), tracks, events


def _index_order(segment: SegmentRef) -> tuple[int, float]:
    name = parse_segment_name(segment.file_name)
    return (name.number if name else 0, segment.start_ms)
