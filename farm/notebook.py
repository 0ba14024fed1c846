"""The farm from Python: what the commands do, with results that show themselves in a notebook.

    import farm
    meeting = farm.Recording.open("s3://bucket/rooms/R/ID")
    meeting.inspect()
    meeting.still(12.5, {"layout": "speaker"})
    meeting.export({"layout": "grid"}, "out.mp4", preset="draft")

A state is a Composition State as a dict, a JSON file's path, or what `parse_state` gave; without one the
defaults hold. Nothing happens here that `farm.run` does not do; errors are those of all rooms.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from compositing.plan_json import plan_to_json
from compositing.state import CompositionState, default_state, parse_state
from compositing.timeline import clip_plan
from compositing.times import Span
from farm.cards import card, export_card, plan_card, preview_card, recording_card
from farm.cluster import open_executor
from farm.compose import Composed
from farm.events import Event
from farm.executors.base import CancelToken, Observer
from farm.executors.local import LocalExecutor
from farm.inspection import describe_plan, inspect_recording, plan_html, render_report, report_html
from farm.prepare import open_source
from farm.preview import PreviewOptions, PreviewReport, preview
from farm.preview_plan import SegmentSeconds
from farm.progress import ProgressDisplay
from farm.run import EncoderChoice, ExportOptions, ExportReport, Format, Surroundings, export, plan_of, read
from farm.settings import FarmSettings, load_settings
from farm.show.axis import Cast, short
from farm.show.film import film
from farm.stills import still_of
from renderer.index import TrackIndex
from renderer.profiles import PresetName, PreviewPreset
from renderer.report import RecordingReport
from storage import recordings

State = CompositionState | Mapping[str, Any] | str | os.PathLike[str] | None

MAX_EMBEDDED_BYTES = 30_000_000
"""A larger video is linked, not put into the notebook."""


@dataclass(frozen=True, slots=True)
class Health:
    """What `inspect` found; `report` has the numbers."""

    report: RecordingReport

    def __str__(self) -> str:
        return render_report(self.report)

    def _repr_html_(self) -> str:
        return recording_card(self.report, report_html(self.report))


@dataclass(frozen=True, slots=True, eq=False)
class PlanView:
    """What `plan` resolved; `composed.plan` has the scenes."""

    composed: Composed

    def to_json(self) -> dict[str, Any]:
        """The plan as the browser gets it."""
        return plan_to_json(self.composed.plan)

    def __str__(self) -> str:
        return describe_plan(self.composed)

    @property
    def _cast(self) -> Cast:
        return Cast({peer.peer_id: peer.name for peer in self.composed.prepared.meeting.facts.peers})

    def film(self, seconds: float = 10.0, start_s: float | None = None, end_s: float | None = None) -> Film:
        """The plan, or what of it lies between two seconds of recording time, as an animation without media."""
        plan = self.composed.plan
        start_ms = plan.start_ms if start_s is None else round(start_s * 1000)
        end_ms = plan.end_ms if end_s is None else round(end_s * 1000)
        return Film(film(clip_plan(plan, Span(start_ms, end_ms)), self._cast, seconds))

    def _repr_html_(self) -> str:
        return plan_card(self.composed.plan, self._cast, plan_html(self.composed))


@dataclass(frozen=True, slots=True)
class Film:
    """A plan that moves; `svg` needs no script."""

    svg: str

    def __repr__(self) -> str:
        return f"Film({len(self.svg)} characters of SVG)"

    def _repr_html_(self) -> str:
        return self.svg


@dataclass(frozen=True, slots=True)
class Still:
    """A composed picture; `png` are the bytes of the file."""

    png: bytes

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the PNG to `path`, and gives it."""
        target = Path(path)
        target.write_bytes(self.png)
        return target

    def __repr__(self) -> str:
        return f"Still({len(self.png)} bytes of PNG)"

    def _repr_png_(self) -> bytes:
        return self.png


@dataclass(frozen=True, slots=True)
class Video:
    """A finished export; `report` says how it was made."""

    report: ExportReport

    @property
    def path(self) -> str:
        """Where it lies: a file's path, or s3://bucket/key."""
        return self.report.output

    def _repr_html_(self) -> str:
        return export_card(self.report, self._player())

    def _player(self) -> str:
        path = Path(self.path)
        if self.report.bytes > MAX_EMBEDDED_BYTES or not path.is_file():
            return ""
        sound = path.suffix == ".m4a"
        data = base64.b64encode(path.read_bytes()).decode()
        tag, kind = ("audio", "audio/mp4") if sound else ("video", "video/mp4")
        look = "width:100%;max-width:640px;margin-bottom:10px"
        return f'<{tag} controls style="{look}" src="data:{kind};base64,{data}"></{tag}>'


@dataclass(frozen=True, slots=True)
class Previews:
    """Finished previews: a stream for each participant and shared screen; `report` says how they were made."""

    report: PreviewReport

    @property
    def path(self) -> str:
        """The folder with `manifest.json`."""
        return self.report.output

    def _repr_html_(self) -> str:
        return preview_card(self.report)


class Recording:
    """A recorded meeting, open."""

    def __init__(self, recording: recordings.Recording, settings: FarmSettings) -> None:
        self._recording = recording
        self._settings = settings

    @classmethod
    def open(cls, url: str | os.PathLike[str], settings: FarmSettings | None = None) -> Self:
        """The recording in a folder `…/rooms/R/ID` or at `s3://bucket/rooms/R/ID`.

        `settings` are the environment's where none are given. Raises RecordingNotFound and other StorageErrors.
        """
        settings = settings or load_settings()
        return cls(open_source(os.fspath(url), settings), settings)

    def inspect(self) -> Health:
        """Its health: tracks, loss, keyframes, clocks, warnings."""
        around = self._around()
        return Health(
            inspect_recording(self._recording, self._settings, around.executor, around.observer, around.cancel)
        )

    def indexes(self) -> tuple[TrackIndex, ...]:
        """The index of each track that has packets, in the report's order: its access units on recording time."""
        prepared = read(self._recording, self._around())
        order = [track.track_id for track in self.inspect().report.tracks]
        return tuple(prepared.indexes[track_id] for track_id in order if track_id in prepared.indexes)

    def plan(self, state: State = None) -> PlanView:
        """Who is where when."""
        return PlanView(plan_of(self._recording, as_state(state), self._around()))

    def still(self, t: float, state: State = None) -> Still:
        """The composed picture at `t` seconds of recording time. Raises InvalidRange outside of it."""
        return Still(still_of(self._recording, as_state(state), t, "png", self._around()))

    def export(
        self,
        state: State = None,
        output: str | os.PathLike[str] | None = None,
        *,
        preset: PresetName = "standard",
        format: Format = "mp4",  # noqa: A002 (the command's word)
        encoder: EncoderChoice = "auto",
        reuse: bool = True,
        workers: int | None = None,
        scheduler: str | None = None,
        progress: bool = True,
        observer: Observer | None = None,
    ) -> Video:
        """Renders it to `output`, or under the recording's own keys.

        `workers` processes are started here (one per core by default; 0 works in this one), unless `scheduler` is the
        address of a cluster. `reuse=False` renders every chunk anew. An `observer`, such as a `farm.watch.Watch`,
        hears each event, instead of the progress bar.
        """
        wanted = Path(output) if output is not None else None
        asked = ExportOptions(preset=preset, format=format, encoder=encoder, reuse=reuse, output=wanted)
        with self._workers(workers, scheduler, progress, observer) as around:
            return Video(export(self._recording, as_state(state), asked, around))

    def preview(
        self,
        output: str | os.PathLike[str] | None = None,
        *,
        preset: PreviewPreset = "standard",
        segment_seconds: SegmentSeconds = 4,
        audio: bool = False,
        reuse: bool = True,
        workers: int | None = None,
        scheduler: str | None = None,
        progress: bool = True,
        observer: Observer | None = None,
    ) -> Previews:
        """Makes the previews in the folder `output`, or under the recording's own keys; else as `export`.

        `audio` makes a stream of sound alone for each participant, too.
        """
        wanted = Path(output) if output is not None else None
        asked = PreviewOptions(preset, segment_seconds, audio, wanted, reuse)
        with self._workers(workers, scheduler, progress, observer) as around:
            return Previews(preview(self._recording, asked, around))

    @contextmanager
    def _workers(
        self, workers: int | None, scheduler: str | None, progress: bool, observer: Observer | None
    ) -> Iterator[Surroundings]:
        address = scheduler or (self._settings.scheduler if workers is None else None)
        settings = self._settings.model_copy(update={"scheduler": address})
        with ProgressDisplay() as shown, open_executor(settings, scheduler=address, workers=workers) as executor:
            hears = observer or (shown if progress else _silent)
            yield Surroundings(settings, executor, hears, CancelToken())

    def _around(self) -> Surroundings:
        return Surroundings(self._settings, LocalExecutor(), _silent)

    def __repr__(self) -> str:
        return f"Recording({self._recording.url!r})"

    def _repr_html_(self) -> str:
        """What its documents tell; no packet is read for it."""
        manifest = self._recording.manifest
        names = ", ".join(dict.fromkeys(p.display_name or p.peer_id for p in manifest.participants))
        length = "–" if manifest.duration_ms is None else short(manifest.duration_ms / 1000)
        figures = [("length", length), ("tracks", str(len(manifest.tracks))), ("status", manifest.status)]
        return card(f"Recording {manifest.recording_id}", [*figures, ("participants", names or "–")])


def as_state(state: State) -> CompositionState:
    """The Composition State that is meant. Raises InvalidState; OSError where a file cannot be read."""
    if state is None:
        return default_state()
    if isinstance(state, CompositionState):
        return state
    if isinstance(state, Mapping):
        return parse_state(dict(state))
    return parse_state(Path(state).read_bytes())


def _silent(event: Event) -> None:
    """Short work is not reported on."""
