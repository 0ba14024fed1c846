"""Every object key of a recording, and of the notes on jobs beside them; ids and names are checked here alone.

Takes ids that may come from outside, gives keys relative to the store's root (`rooms/...`), raises
InvalidKey. Promises: no key leaves its recording, whatever the id. Room, recording, job, export and
composition ids are `[A-Za-z0-9_.-]`; a peer or track id may be anything and is percent-encoded outside
`[A-Za-z0-9_-]`. Must not know what the objects hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote

from storage.errors import InvalidKey

PeerSource = Literal["camera", "screenshare"]

MAX_ID_CHARS = 128
MAX_NAME_BYTES = 255  # of one path segment: the limit of common file systems
MAX_KEY_BYTES = 1024  # the limit of S3

_ID = re.compile(r"[A-Za-z0-9_.-]+")
_SEGMENT_NAME = re.compile(
    r"(?P<track>(?P<peer>.+)-(?P<kind>audio|video|screenshare)-(?P<producer>.+))-(?P<index>\d{6,9})\.rtp",
    re.DOTALL,
)
_QUICK_ACCESS_PART = re.compile(r"quick_access/[A-Za-z0-9_][A-Za-z0-9_.-]*\.mp4")
_EXPORT_PART = re.compile(r"processed/exports/part-[A-Za-z0-9_.-]+\.mp4")


def check_id(value: str) -> str:
    """`value` if it may stand in a path as an id; raises InvalidKey."""
    if not _ID.fullmatch(value):
        raise InvalidKey(value[:80], "an id consists of the characters A-Z a-z 0-9 _ . -")
    if len(value) > MAX_ID_CHARS:
        raise InvalidKey(value[:80], f"an id has at most {MAX_ID_CHARS} characters")
    if ".." in value or value == ".":
        raise InvalidKey(value, "an id may not be or hold a path step")
    return value


def check_bare_name(name: str) -> str:
    """`name` if it is a bare file name, of any characters but separators and controls; raises InvalidKey."""
    if not name or name in (".", ".."):
        raise InvalidKey(name, "a bare file name is needed")
    if any(c in "/\\" or ord(c) < 0x20 or ord(c) == 0x7F or 0xD800 <= ord(c) < 0xE000 for c in name):
        raise InvalidKey(
            name[:80], "a file name may not hold separators, control characters or half characters"
        )
    if len(name.encode()) > MAX_NAME_BYTES:
        raise InvalidKey(name[:80], f"a file name has at most {MAX_NAME_BYTES} bytes")
    return name


def check_key(key: str) -> str:
    """`key` if it is a relative path of bare names, as every store demands; raises InvalidKey."""
    for name in key.split("/"):
        check_bare_name(name)
    if len(key.encode()) > MAX_KEY_BYTES:
        raise InvalidKey(key[:80], f"a key has at most {MAX_KEY_BYTES} bytes")
    return key


def encode_id(value: str) -> str:
    """Any id as one path segment: percent-encoded UTF-8 outside `[A-Za-z0-9_-]`; raises InvalidKey."""
    try:
        encoded = quote(value, safe="").replace(".", "%2E").replace("~", "%7E")
    except UnicodeEncodeError:
        raise InvalidKey(ascii(value)[:80], "an id may not hold half characters") from None
    if not encoded or len(encoded) > MAX_NAME_BYTES:
        raise InvalidKey(value[:80], f"an id has 1 to {MAX_NAME_BYTES} characters, percent-encoded")
    return encoded


def decode_id(segment: str) -> str:
    """The id that `encode_id` made into this path segment."""
    return unquote(segment, errors="strict")


OPEN_JOBS = "farm/open/"
"""The markers of jobs for which something is left to do: a prefix to list."""

JOB_POINTERS = "farm/jobs/"
"""Of every job, where its record is: a prefix to list."""


def open_job(job_id: str) -> str:
    """The marker of a job."""
    return OPEN_JOBS + check_id(job_id)


def job_pointer(job_id: str) -> str:
    """What finds a job's record by its id alone."""
    return f"{JOB_POINTERS}{check_id(job_id)}.json"


class SegmentName(NamedTuple):
    """The parts of `{peer_id}-{kind}-{producer_id}-{index:06d}.rtp`."""

    track_id: str
    peer_id: str
    kind: Literal["audio", "video", "screenshare"]
    producer_id: str
    number: int  # the segment's index in its track, from 1


def parse_segment_name(file_name: str) -> SegmentName | None:
    """The parts of a segment's file name, or None if it is no such name. A peer id may itself hold '-'."""
    match = _SEGMENT_NAME.fullmatch(file_name)
    if match is None:
        return None
    kind: Literal["audio", "video", "screenshare"] = match["kind"]  # type: ignore[assignment]
    return SegmentName(match["track"], match["peer"], kind, match["producer"], int(match["index"]))


@dataclass(frozen=True, slots=True)
class PreviewStreamKeys:
    """The keys of one HLS stream: playlist, init segment, media segments (k from 1)."""

    folder: str
    name: str

    @property
    def playlist(self) -> str:
        return f"{self.folder}/{self.name}.m3u8"

    @property
    def init(self) -> str:
        return f"{self.folder}/{self.name}_init.mp4"

    def segment(self, k: int) -> str:
        return f"{self.folder}/{self.name}_{k:04d}.m4s"


@dataclass(frozen=True, slots=True)
class PreviewKeys:
    """The keys of a recording's previews below `root`: "" or a prefix that ends in a slash."""

    root: str

    @property
    def manifest(self) -> str:
        return f"{self.root}manifest.json"

    @property
    def folders(self) -> tuple[str, str]:
        """The folders of all streams, each with its slash: prefixes to list."""
        return f"{self.root}peers/", f"{self.root}screenshare/"

    def folder(self, peer_id: str, source: PeerSource) -> str:
        """The folder of one peer's streams, without a slash at the end; it is what a signed URL covers."""
        group = "peers" if source == "camera" else "screenshare"
        return f"{self.root}{group}/{encode_id(peer_id)}"

    def stream(self, peer_id: str, source: PeerSource, name: str) -> PreviewStreamKeys:
        """A stream by its name in the folder: `av`, `av_low`, `audio` of a camera; `video` of a screen."""
        return PreviewStreamKeys(self.folder(peer_id, source), check_id(name))

    def still(self, peer_id: str, source: PeerSource, k: int) -> str:
        """The small still of segment `k`, from 1."""
        return f"{self.folder(peer_id, source)}/still_{k:04d}.jpg"

    def waveform(self, peer_id: str) -> str:
        return f"{self.folder(peer_id, 'camera')}/waveform.json"


@dataclass(frozen=True, slots=True)
class RecordingKeys:
    """The keys of one recording; the ids are checked when it is made."""

    room_id: str
    recording_id: str

    def __post_init__(self) -> None:
        check_id(self.room_id)
        check_id(self.recording_id)

    @property
    def prefix(self) -> str:
        """`rooms/R/ID`, without a slash at the end."""
        return f"rooms/{self.room_id}/{self.recording_id}"

    @property
    def metadata(self) -> str:
        return f"{self.prefix}/metadata.json"

    @property
    def timeline(self) -> str:
        return f"{self.prefix}/timeline.json"

    @property
    def policy(self) -> str:
        return f"{self.prefix}/policy.json"

    @property
    def completed(self) -> str:
        """The empty marker of a finished recording."""
        return f"{self.prefix}/.completed"

    @property
    def recording_marker(self) -> str:
        """The empty marker of a recording that is still running."""
        return f"{self.prefix}/.recording"

    @property
    def tracks(self) -> str:
        """The folder of the segment files, with its slash: a prefix to list."""
        return f"{self.prefix}/tracks/"

    def segment(self, file_name: str) -> str:
        """The key of a segment file; `file_name` comes from a document and must be a bare name."""
        return self.tracks + check_bare_name(file_name)

    @property
    def cache(self) -> str:
        """What may be deleted at any time, with its slash: a prefix to list."""
        return f"{self.prefix}/cache/"

    def index(self, track_id: str, stamp: str) -> str:
        """The saved index of a track whose segment files have this stamp."""
        return f"{self.cache}index/{encode_id(track_id)}/{check_id(stamp)}.idx"

    def intermediate(self, track_id: str, stamp: str, k: int) -> str:
        """Piece `k` of the once-only intermediate of a track."""
        return f"{self.cache}intermediate/{encode_id(track_id)}/{check_id(stamp)}/{k:06d}.mkv"

    def chunk(self, kind: str, key: str) -> str:
        """A content-addressed chunk; spread over 256 folders by the first two characters of its key."""
        return f"{self.cache}chunks/{check_id(kind)}/{check_id(key)[:2]}/{key}"

    def raster(self, key: str) -> str:
        """A rasterised label, avatar or text."""
        return f"{self.cache}rasters/{check_id(key)}.png"

    @property
    def needs(self) -> str:
        """What exports were made of, with its slash: a prefix to list."""
        return f"{self.cache}needs/"

    def needs_of(self, export_id: str) -> str:
        """The list of cached objects that an export was made of."""
        return f"{self.needs}{check_id(export_id)}.json"

    def failure(self, chunk_key: str) -> str:
        """The drawing of where an export failed: in the chunk with this key."""
        return f"{self.cache}failures/{check_id(chunk_key)}.svg"

    @property
    def preview(self) -> PreviewKeys:
        """The keys of the preview streams."""
        return PreviewKeys(f"{self.prefix}/preview/")

    @property
    def preview_records(self) -> str:
        """What is known of preview segments that are there, with its slash: a prefix to list."""
        return f"{self.cache}preview/"

    def export(self, export_id: str, ext: str = "mp4") -> str:
        return f"{self.prefix}/processed/exports/{check_id(export_id)}.{check_id(ext)}"

    def thumbnail(self, export_id: str, k: int) -> str:
        """Thumbnail `k`, from 1."""
        return f"{self.prefix}/processed/thumbnails/{check_id(export_id)}/thumb_{k:04d}.jpg"

    def requested_output(self, output_key: str) -> str:
        """Where the Recording Service wants a part (recording's prefix optional); raises InvalidKey."""
        relative = output_key.removeprefix(self.prefix + "/")
        if (
            not (_QUICK_ACCESS_PART.fullmatch(relative) or _EXPORT_PART.fullmatch(relative))
            or ".." in relative
        ):
            raise InvalidKey(
                output_key[:80],
                "it must match quick_access/*.mp4 or processed/exports/part-*.mp4 of the recording",
            )
        return check_key(f"{self.prefix}/{relative}")

    def composition(self, composition_id: str) -> str:
        return f"{self.prefix}/composition/{check_id(composition_id)}.json"

    @property
    def latest_composition(self) -> str:
        return f"{self.prefix}/composition/latest.json"

    @property
    def assets(self) -> str:
        """The folder of the uploaded images, with its slash: a prefix to list."""
        return f"{self.prefix}/assets/"

    def asset(self, name: str) -> str:
        """An uploaded image, by the name that compositions use."""
        return self.assets + check_id(name)

    def job(self, job_id: str) -> str:
        return f"{self.prefix}/jobs/{check_id(job_id)}.json"
