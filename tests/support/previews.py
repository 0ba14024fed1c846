"""Previews made once for all tests that look at them, and the truth about what their streams must show.

    preview = previews.of("standup")                      # or "meeting", a generated one that every clone has
    for stream in preview.streams:
        stream.playlist, stream.spans
        preview.truth(stream).index

What a stream says of itself comes from `manifest.json`; what it must show, from truth.json of the recording or from
the declaration of the meeting. All `*_ms` are recording time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Rect
from tests.support.exports import Watch, copy_recording, made_watches, real_watches
from tests.support.farm_cli import start_farm
from tests.support.meetings import Camera, Meeting, Microphone, Network, Peer, Screen, Track, Truth, write_meeting
from tests.support.recordings import recording_dir
from tests.support.spec import SCREEN_INDEX_OFFSET

LEGIBLE_PX = 240
"""The barcode is read in pictures from this width on."""
RENDERED_WITHIN_S = 300
_ROUGH = Network(loss=0.01, loss_burst=3, reorder=0.01, duplicates=0.01, jitter_ms=4,
                 first_sequence=65_500, first_timestamp=2**32 - 200_000)  # fmt: skip
_FAST = Network(drift_ppm=300, delay_ms=8, jitter_ms=3, first_sequence=65_500, first_timestamp=2**32 - 200_000)
_SLOW = Network(drift_ppm=-300, padding_every=40)
MEETING = Meeting(
    duration_ms=22_000,
    rotate_at_ms=(9_100,),
    peers=(
        Peer(1, "Vera", camera=Camera("vp8", w=640, h=360, network=_ROUGH), screens=(Screen(5000, 17_000),),
             microphone=Microphone(dtx=True, speech=((500, 9700), (12_000, 20_000)))),
        Peer(2, "Hana", stays=((0, 7500), (11_000, None)), camera=Camera("h264", w=640, h=360, network=_FAST),
             microphone=Microphone(channels=2, network=_FAST)),
        Peer(3, "Victor", stays=((3300, None),), id="victor @ 3",
             camera=Camera("vp9", w=640, h=360, fps=24, pauses=((8000, 13_500),), network=_SLOW)),
    ),
)  # fmt: skip
"""Loss, numbers that wrap, clocks that drift, a rejoin, a late join, a paused camera, a shared screen."""


@dataclass(frozen=True, slots=True)
class ShapeSpan:
    """When a source has a picture of one shape, and where it lies in the frame."""

    start_ms: int
    end_ms: int
    rect: Rect


@dataclass(frozen=True, slots=True)
class Stream:
    """One playlist with pictures, as the manifest describes it."""

    peer_id: str
    name: str
    source: str
    playlist: str
    width: int
    height: int
    fps: int
    segments: int
    spans: tuple[ShapeSpan, ...]

    @property
    def rects(self) -> list[Rect]:
        """The different places of the picture."""
        return list(dict.fromkeys(span.rect for span in self.spans))

    def rect_at(self, t_ms: float) -> Rect | None:
        """Where the picture lies at that time; None where there is none."""
        return next((span.rect for span in self.spans if span.start_ms <= t_ms < span.end_ms), None)

    def absence_ends_ms(self, duration_ms: int) -> list[int]:
        """When the picture comes back after at least half a second without one, or comes at all."""
        ends = [0, *(span.end_ms for span in self.spans)]
        return [span.start_ms for end, span in zip(ends, self.spans, strict=False) if span.start_ms - end >= 500]

    def __str__(self) -> str:
        return f"{self.peer_id[:8]}/{self.name}"


@dataclass(frozen=True, slots=True)
class SourceTruth:
    """What a camera or a screen really sent."""

    index: int
    """In its barcode."""
    fps: float
    frame_ms: float
    """How long one of its pictures stands, at most, where nothing is lost: sources stutter."""
    pictures: tuple[tuple[float, float], ...]
    """From its first picture to its last, without pauses."""
    intact: tuple[tuple[float, float], ...]
    """Where all that a decoder needs has arrived."""
    beep_hz: int
    beeps_ms: tuple[float, ...]
    """Of the microphone of the same peer."""

    def is_seen(self, t_ms: float, margin_ms: float = 0.0) -> bool:
        """Whether a whole picture is there at that time, and for `margin_ms` before and after."""
        return _covers(self.pictures, t_ms, margin_ms) and _covers(self.intact, t_ms, margin_ms)


@dataclass(frozen=True)
class Preview:
    """A finished preview."""

    name: str
    source: Path
    """The recording, `rooms/R/ID`."""
    folder: Path
    truths: dict[tuple[str, str], SourceTruth]

    @cached_property
    def manifest(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text("utf-8"))
        return document

    @property
    def duration_ms(self) -> int:
        return int(self.manifest["duration_ms"])

    @cached_property
    def streams(self) -> list[Stream]:
        """Those with pictures."""
        return [
            _stream(peer["peer_id"], told)
            for peer in self.manifest["peers"]
            for told in peer["streams"]
            if told["source"] != "audio"
        ]

    def streams_of(self, name: str) -> list[Stream]:
        """One for each peer: `av`, `av_low`, or `video` (screens)."""
        return [stream for stream in self.streams if stream.name == name]

    def truth(self, stream: Stream) -> SourceTruth:
        return self.truths[stream.peer_id, stream.source]


class Previews:
    """Makes each preview when it is first asked for, below `base`."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._made: dict[str, Preview] = {}

    def of(self, name: str) -> Preview:
        """The preview of a shared recording, skipping where it is absent, or of `meeting`."""
        if name not in self._made:
            recording = recorded(name, self._base)
            folder = self._base / name / "preview"
            make_preview(recording.source, folder)
            self._made[name] = Preview(name, recording.source, folder, recording.truths)
        return self._made[name]


@dataclass(frozen=True)
class Recorded:
    """A recording, `rooms/R/ID`, and what previews and exports of it must show."""

    source: Path
    truths: dict[tuple[str, str], SourceTruth]
    watches: list[Watch]


def recorded(name: str, base: Path) -> Recorded:
    """A copy below `base` of a shared recording, skipping where it is absent, or of `meeting`."""
    if name == "meeting":
        truth = write_meeting(MEETING, base / name)
        return Recorded(truth.path, dict(_made_truths(truth)), made_watches(truth))
    told = recording_dir(name).parents[2] / "truth.json"
    source = copy_recording(name, base)
    shutil.copyfile(told, source.parents[2] / told.name)
    return Recorded(source, dict(_real_truths(json.loads(told.read_text("utf-8")))), real_watches(source))


def make_preview(source: Path, folder: Path, *arguments: str) -> None:
    """Runs `farm preview` as a process of its own."""
    process = start_farm("preview", source, "--output", folder, *arguments)
    _, complaint = process.communicate(timeout=RENDERED_WITHIN_S)
    assert process.returncode == 0, complaint


def without_preview(preview: Preview, folder: Path) -> Path:
    """A copy of the recording, of which nothing has been made; its `rooms/R/ID`."""
    target = folder / "rooms" / preview.source.parent.name / preview.source.name
    return Path(shutil.copytree(preview.source, target, ignore=shutil.ignore_patterns("cache", "preview")))


def _stream(peer_id: str, told: dict[str, Any]) -> Stream:
    spans = tuple(ShapeSpan(s["start_ms"], s["end_ms"], Rect(**s["rect"])) for s in told["spans"])
    kept = {key: told[key] for key in ("name", "source", "playlist", "width", "height", "fps", "segments")}
    return Stream(peer_id=peer_id, spans=spans, **kept)


# ---- what was sent ---------------------------------------------------------------------------------------


def _real_truths(told: dict[str, Any]) -> Iterator[tuple[tuple[str, str], SourceTruth]]:
    peers = {peer["key"]: peer for peer in told["peers"]}
    for track in told["tracks"]:
        if track["type"] != "audio":
            peer = peers[track["peer_key"]]
            source = "camera" if track["type"] == "video" else "screenshare"
            yield (peer["peer_id"], source), _real_truth(track, peer)


def _real_truth(track: dict[str, Any], peer: dict[str, Any]) -> SourceTruth:
    decoded = track["decoded_without_damage"]
    pauses = [track["paused_ms"]] if "paused_ms" in track else []
    paused = max((end - begin for begin, end in pauses), default=0)
    step = decoded["largest_content_step_ms"]
    first, last = decoded["sizes"][0][0], decoded["last_content_ms"]
    return SourceTruth(
        index=track["barcode_index"],
        fps=track["source"]["fps"],
        frame_ms=1000 / track["source"]["fps"] if paused else step,
        pictures=tuple(_without(first, last, pauses)),
        intact=tuple((a, b) for a, b in track.get("intact_spans_ms") or [(first, last)]),
        beep_hz=peer["beep_hz"],
        beeps_ms=tuple(peer["beeps_at_ms"]),
    )


def _made_truths(truth: Truth) -> Iterator[tuple[tuple[str, str], SourceTruth]]:
    for peer in truth.meeting.peers:
        mine = [t for t in truth.tracks if t.kind == "video" and t.index == peer.index]
        cameras = [(track, peer.camera) for track in mine if peer.camera]
        shares = [t for t in truth.tracks if t.kind == "screenshare" and t.index == peer.index + SCREEN_INDEX_OFFSET]
        screens = [(track, screen.camera) for track, screen in zip(shares, peer.screens, strict=True)]
        for source, tracks in (("camera", cameras), ("screenshare", screens)):
            if tracks:
                yield (peer.peer_id, source), _made_truth(truth, peer, tracks)


def _made_truth(truth: Truth, peer: Peer, tracks: Sequence[tuple[Track, Camera]]) -> SourceTruth:
    heard = (t for t in truth.tracks if t.kind == "audio" and t.index == peer.index)
    fps = min(camera.fps for _, camera in tracks)
    return SourceTruth(
        index=tracks[0][0].index,
        fps=fps,
        frame_ms=1000 / fps,
        pictures=tuple(s for t, _ in tracks for s in _without(t.content_ms[0], t.content_ms[-1], t.pauses)),
        intact=tuple(span for t, _ in tracks for span in _intact(t)),
        beep_hz=peer.beep_hz,
        beeps_ms=tuple(float(b) for t in heard for b in t.beeps_ms),
    )


def _intact(track: Track) -> Iterator[tuple[float, float]]:
    """From each whole keyframe to the first picture that lacks a packet, or to the last."""
    begin: float | None = None
    for frame in track.frames:
        if begin is None and frame.whole and frame.keyframe:
            begin = frame.content_ms
        elif begin is not None and not frame.whole:
            yield begin, frame.content_ms
            begin = None
    if begin is not None:
        yield begin, track.content_ms[-1]


def _without(first: float, last: float, holes: Iterable[Sequence[float]]) -> Iterator[tuple[float, float]]:
    for begin, end in holes:
        yield first, begin
        first = end
    yield first, last


def _covers(spans: Iterable[tuple[float, float]], t_ms: float, margin_ms: float) -> bool:
    return any(a <= t_ms - margin_ms and t_ms + margin_ms <= b for a, b in spans)


def skip_without(names: Sequence[str]) -> list[Any]:
    """Parameters for those names; shared recordings carry their marker."""
    return [n if n == "meeting" else pytest.param(n, marks=pytest.mark.recordings) for n in names]
