"""An export from end to end: prepare, compose, render what is missing, stitch.

Takes an open recording, a Composition State, an executor; leaves a finished file under its final name, or
nothing there, and gives a report. The same for the command line, a notebook and a dispatcher.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from compositing.fonts import FontBook, installed_fonts
from compositing.loudness import gain_to, integrate
from compositing.state import CompositionState
from compositing.times import Span
from farm.compose import Composed, RenderChoices, compose
from farm.errors import PoisonTask
from farm.events import ChunksFound
from farm.executors.base import CancelToken, Executor, Observer, Task
from farm.executors.local import LocalExecutor
from farm.needs import write_needs
from farm.output import check_output
from farm.plan import cut_audio, cut_spans
from farm.poison import placed
from farm.prepare import Prepared, prepare
from farm.settings import FarmSettings
from farm.tasks import (
    ChunkDone,
    StitchSpec,
    make_intermediate,
    make_thumbnails,
    measure_audio,
    render_audio,
    render_video,
    stitch_chunks,
)
from renderer.chunk import cast
from renderer.concat import StitchReport
from renderer.encode import opens
from renderer.errors import CorruptChunk, EncoderUnavailable
from renderer.profiles import EncoderName, PresetName, audio_profile, video_profile
from renderer.rtp.extensions import ExtensionIds
from renderer.spec import AudioChunk, RenderSpec, TrackInput, VideoChunk
from renderer.workbench import CONTENTS_PIECE
from storage.errors import ObjectNotFound
from storage.objects import StoreSpec
from storage.recordings import Recording

Format = Literal["mp4", "m4a"]
EncoderChoice = Literal["auto", "x264", "nvenc"]
T = TypeVar("T")

NVENC_POOL, NVDEC_POOL = "nvenc", "nvdec"
"""The Dask resources of workers that have NVIDIA's encoder, and its decoder."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run works with and reports to."""

    settings: FarmSettings
    executor: Executor
    observer: Observer
    cancel: CancelToken = field(default_factory=CancelToken)
    clock: Callable[[], float] = time.perf_counter
    fence: Callable[[], None] = lambda: None
    """Called before anything appears under a final name; raises where another has taken the job over."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What is asked of an export beyond its Composition State."""

    preset: PresetName = "standard"
    format: Format = "mp4"
    encoder: EncoderChoice = "auto"
    reuse: bool = True
    """Whether chunks that are in the cache are used."""
    thumbnails_every_s: float | None = None
    output: Path | None = None
    """None puts the result under the recording's own keys."""
    export_id: str | None = None
    """Its name there, its thumbnails' too; None derives one from what it is made of."""
    key: str | None = None
    """An object key of the recording's store, where it is to be under no name of ours."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Chunks of an export."""

    total: int
    rendered: int
    cached: int


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export did."""

    output: str
    duration_ms: float
    frames: int
    fps: int
    encoder: str
    chunks: Counts
    audio_chunks: Counts
    rendered_frames: tuple[tuple[int, int], ...]
    """First and last frame + 1 of each chunk that was rendered now."""
    warnings: tuple[dict[str, str], ...]
    seconds: float
    stages: dict[str, float]
    """Seconds by stage: wall time of the run's own, processor-bound time of decode, draw, encode, mix."""
    decoded_units: int
    lead_in_units: int
    bytes: int
    thumbnails: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The document that `--json` prints."""
        return asdict(self)


def read(recording: Recording, around: Surroundings) -> Prepared:
    """The recording, understood; indexes are made where missing."""
    settings = around.settings
    ids = ExtensionIds(
        audio_level=settings.audio_level_extension_id,
        video_orientation=settings.video_orientation_extension_id,
    )
    return prepare(recording, ids, settings.loss_policy, around.executor, around.observer, around.cancel)


def fonts_of(settings: FarmSettings) -> FontBook:
    """The fonts of this machine."""
    return FontBook(installed_fonts([str(folder) for folder in settings.font_dirs]))


def export(
    recording: Recording, state: CompositionState, options: ExportOptions, around: Surroundings
) -> ExportReport:
    """Renders `state` over `recording`. Raises the errors of all rooms; nothing is left under the final name."""
    return _Export(recording, state, options, around).run()


def plan_of(
    recording: Recording, state: CompositionState, around: Surroundings, window: Span | None = None
) -> Composed:
    """The composition, or what of it lies in `window`, planned and not rendered; its stills are stored."""
    choices = render_choices(state, around.settings)
    composed = compose(read(recording, around), state, fonts_of(around.settings), choices, window)
    put_rasters(recording, composed)
    return composed


def render_choices(
    state: CompositionState, settings: FarmSettings, preset: PresetName = "standard", encoder: EncoderName = "x264"
) -> RenderChoices:
    """What settings, preset and encoder choose for `state`."""
    return RenderChoices(
        video_profile(preset, encoder, state.export.fps),
        audio_profile(preset),
        settings.loss_policy,
        settings.max_keyframe_interval_s,
    )


def job_choices(
    state: CompositionState, settings: FarmSettings, preset: PresetName, wish: EncoderChoice
) -> RenderChoices:
    """What an export is rendered with, where it is rendered. Raises EncoderUnavailable."""
    remote = settings.scheduler is not None
    encoder = choose_encoder(wish, remote, settings.pools)
    choices = render_choices(state, settings, preset, encoder)
    decodes = encoder == "nvenc" and remote and NVDEC_POOL in settings.pools
    return replace(choices, decode="nvdec") if decodes else choices


def choose_encoder(wish: EncoderChoice, remote: bool, pools: Collection[str] = ()) -> EncoderName:
    """One encoder for all chunks of a job. Raises EncoderUnavailable where the wish cannot be met here.

    A cluster elsewhere says by its resources what it has: asking for `nvenc` there needs a pool, and left to
    choose, a job takes it where the pool is declared.
    """
    if wish == "auto" and remote:
        return "nvenc" if NVENC_POOL in pools else "x264"
    if wish == "x264":
        return "x264"
    if wish == "nvenc" and (remote or opens("nvenc")):
        return "nvenc"
    if wish == "nvenc":
        raise EncoderUnavailable("nvenc", "no NVIDIA encoder on this machine")
    return "nvenc" if opens("nvenc") else "x264"


class _Export:
    """The steps of one export, in order, with what they found."""

    def __init__(
        self, recording: Recording, state: CompositionState, options: ExportOptions, around: Surroundings
    ) -> None:
        self._recording = recording
        self._state = state
        self._options = options
        self._around = around
        self._stages: dict[str, float] = {}
        self._done: list[ChunkDone] = []

    def run(self) -> ExportReport:
        began = self._around.clock()
        if self._options.output is not None:
            check_output(self._options.output)
        prepared = self._timed("prepare", lambda: read(self._recording, self._around))
        composed = self._timed("plan", lambda: self._compose(prepared))
        video = composed.video_chunks() if self._options.format == "mp4" else ()
        self._write_needs(composed, video, composed.audio_chunks())
        put_rasters(self._recording, composed)
        self._timed("intermediate", lambda: self._make_intermediates(composed))
        gain_db = self._timed("loudness", lambda: self._gain_db(composed))
        audio = composed.audio_chunks(gain_db)
        report = self._render_and_stitch(composed, video, audio)
        thumbnails = self._thumbnails(composed, video, self._name(video, audio))
        return self._report(composed, video, audio, report, thumbnails, self._around.clock() - began)

    # ---- steps -------------------------------------------------------------------------------------------

    def _compose(self, prepared: Prepared) -> Composed:
        settings, options = self._around.settings, self._options
        choices = job_choices(self._state, settings, options.preset, options.encoder)
        return compose(prepared, self._state, fonts_of(settings), choices)

    @property
    def _remote(self) -> bool:
        return self._around.settings.scheduler is not None

    def _write_needs(self, composed: Composed, video: Sequence[VideoChunk], audio: Sequence[AudioChunk]) -> None:
        """Before anything is looked for in the cache, and again once the gain, and with it the sound, is known."""
        write_needs(self._recording, self._name(video, audio), composed, video, audio)

    def _make_intermediates(self, composed: Composed) -> None:
        tasks = intermediate_tasks(self._recording, composed)
        if tasks:
            self._run(tasks)

    def _gain_db(self, composed: Composed) -> float:
        target = composed.state.export.loudness
        if target is None:
            return 0.0
        spans = cut_audio(composed.audio_chunks(), self._around.executor.workers)
        tasks = [
            Task(f"measure/{s[0].key}", "measure-audio", measure_audio, (composed.spec, s)) for s in spans
        ]
        found = self._run(tasks)
        return gain_to(target, integrate(np.concatenate([e for task in tasks for e in found[task.key]])))

    def _render_and_stitch(
        self, composed: Composed, video: Sequence[VideoChunk], audio: Sequence[AudioChunk]
    ) -> StitchReport:
        self._write_needs(composed, video, audio)
        self._timed("render", lambda: self._render(composed, video, audio, self._options.reuse))
        try:
            return self._timed("stitch", lambda: self._stitch(composed, video, audio))
        except (CorruptChunk, ObjectNotFound) as error:
            # A damaged chunk is worth nothing to anyone, and one may just have been tidied away: once more.
            self._recording.store.delete(error.key)
            self._timed("render", lambda: self._render(composed, video, audio, reuse=True))
            return self._timed("stitch", lambda: self._stitch(composed, video, audio))

    def _render(
        self, composed: Composed, video: Sequence[VideoChunk], audio: Sequence[AudioChunk], reuse: bool
    ) -> None:
        workers = self._around.executor.workers
        there = stored_chunks(self._recording) if reuse else frozenset()
        self._tell_found(video, audio, there)
        pool = pool_of(composed.spec) if self._remote else {}
        spans = cut_spans([c for c in video if c.key not in there], workers)
        pictures = [
            Task(f"video/{s[0].key[:16]}", "render-video", render_video, (composed.spec, s, reuse), (), 1, pool)
            for s in spans
        ]
        sounds = [
            Task(f"audio/{s[0].key[:16]}", "render-audio", render_audio, (composed.spec, s, reuse))
            for s in cut_audio([c for c in audio if c.key not in there], workers)
        ]
        if not (pictures or sounds):
            return
        try:
            results = self._run([*pictures, *sounds])
        except PoisonTask as error:
            named = {f"{task.name}-{task.key}": span for task, span in zip(pictures, spans, strict=True)}
            raise placed(error, self._recording, composed, named) from error.__cause__
        self._done += [done for task in (*pictures, *sounds) for done in results[task.key]]

    def _tell_found(
        self, video: Sequence[VideoChunk], audio: Sequence[AudioChunk], there: frozenset[str]
    ) -> None:
        self._around.observer(ChunksFound(kind="video", chunks=sum(c.key in there for c in video)))
        self._around.observer(ChunksFound(kind="audio", chunks=sum(c.key in there for c in audio)))

    def _stitch(
        self, composed: Composed, video: Sequence[VideoChunk], audio: Sequence[AudioChunk]
    ) -> StitchReport:
        store, key = self._target(composed, video, audio)
        work = StitchSpec(
            composed.spec,
            tuple(c.key for c in video) if self._options.format == "mp4" else None,
            tuple(c.key for c in audio),
            composed.frames.start,
            len(composed.frames),
            composed.samples.start,
            len(composed.samples),
            store,
            key,
        )
        # A file that somebody named is written by this process: a worker elsewhere would put it on its own disk.
        executor = LocalExecutor() if self._options.output is not None else self._around.executor
        self._around.fence()
        task = Task(f"stitch/{Path(key).name}", "stitch", stitch_chunks, (work,))
        result: StitchReport = executor.run([task], self._around.observer, self._around.cancel)[task.key]
        return result

    def _target(
        self, composed: Composed, video: Sequence[VideoChunk], audio: Sequence[AudioChunk]
    ) -> tuple[StoreSpec, str]:
        if self._options.output is None:
            own = self._recording.keys.export(self._name(video, audio), self._options.format)
            return composed.spec.store, self._options.key or own
        output = self._options.output.resolve()
        return StoreSpec(str(output.parent)), output.name

    def _name(self, video: Sequence[VideoChunk], audio: Sequence[AudioChunk]) -> str:
        return self._options.export_id or export_id(video, audio)

    def _thumbnails(self, composed: Composed, video: Sequence[VideoChunk], name: str) -> tuple[str, ...]:
        every = self._options.thumbnails_every_s
        if not every or not video:
            return ()
        frames = thumbnail_frames(composed.frames, composed.spec.fps, every)
        work = [
            (chunk.key, tuple((i + 1, n) for i, n in enumerate(frames) if chunk.first_frame <= n < chunk.end_frame))
            for chunk in video
        ]
        self._around.fence()
        task = Task("thumbnails", "thumbnails", make_thumbnails, (composed.spec, name, tuple(w for w in work if w[1])))
        return tuple(self._run([task])["thumbnails"])

    # ---- report ------------------------------------------------------------------------------------------

    def _report(
        self,
        composed: Composed,
        video: Sequence[VideoChunk],
        audio: Sequence[AudioChunk],
        stitched: StitchReport,
        thumbnails: tuple[str, ...],
        seconds: float,
    ) -> ExportReport:
        rendered = {done.key for done in self._done}
        store, key = self._target(composed, video, audio)
        for done in self._done:
            for stage, spent in done.seconds.items():
                name = f"{'audio' if done.frames == 0 else 'video'}_{stage}"
                self._stages[name] = self._stages.get(name, 0.0) + spent
        return ExportReport(
            output=f"{store.url}/{key}",
            duration_ms=stitched.duration_s * 1000,
            frames=stitched.frames,
            fps=composed.spec.fps,
            encoder=composed.spec.video.encoder,
            chunks=_counts(video, rendered),
            audio_chunks=_counts(audio, rendered),
            rendered_frames=tuple((c.first_frame, c.end_frame) for c in video if c.key in rendered),
            warnings=warnings_of(composed),
            seconds=round(seconds, 3),
            stages={name: round(spent, 3) for name, spent in self._stages.items()},
            decoded_units=sum(done.decoded for done in self._done),
            lead_in_units=sum(done.lead_in for done in self._done),
            bytes=stitched.bytes,
            thumbnails=thumbnails,
        )

    def _run(self, tasks: Sequence[Task]) -> dict[str, Any]:
        return self._around.executor.run(tasks, self._around.observer, self._around.cancel)

    def _timed(self, stage: str, step: Callable[[], T]) -> T:
        began = self._around.clock()
        result = step()
        self._stages[stage] = self._stages.get(stage, 0.0) + self._around.clock() - began
        return result


def pool_of(spec: RenderSpec) -> dict[str, float]:
    """What of a worker's resources a task takes that renders pictures: all of one job's take the same."""
    takes = {NVENC_POOL: spec.video.encoder == "nvenc", NVDEC_POOL: spec.decode == "nvdec"}
    return {name: 1.0 for name, taken in takes.items() if taken}


def put_rasters(recording: Recording, composed: Composed) -> None:
    """Stores the stills of a composition where workers, and the browser, find them."""
    for key, png in composed.rasters.items():
        recording.store.put_if_absent(recording.keys.raster(key), png)


def intermediate_tasks(recording: Recording, composed: Composed) -> list[Task]:
    """One task for each track on the canvas whose intermediate is not there yet."""
    seen = cast(composed.plan, composed.spec.grid, composed.frames)
    visible = [t for t in composed.spec.tracks if (t.peer_id, t.kind) in seen]
    return missing_intermediates(recording, composed.spec, visible)


def missing_intermediates(recording: Recording, spec: RenderSpec, tracks: Iterable[TrackInput]) -> list[Task]:
    """One task for each of `tracks` that is played from an intermediate which is not there yet."""
    return [
        Task(f"intermediate/{t.track_id}", "intermediate", make_intermediate, (spec, t))
        for t in tracks
        if t.intermediate
        and not recording.store.exists(
            recording.keys.intermediate(t.track_id, t.intermediate, CONTENTS_PIECE)
        )
    ]


def stored_chunks(recording: Recording) -> frozenset[str]:
    """The keys of all chunks in the recording's cache: one listing, however many are asked about."""
    return frozenset(info.key.rsplit("/", 1)[1] for info in recording.store.list(recording.keys.cache + "chunks/"))


def export_id(video: Sequence[VideoChunk], audio: Sequence[AudioChunk]) -> str:
    """A name for an export that nobody named: derived from what it is made of."""
    sha = hashlib.sha256()
    for key in [c.key for c in video] + [c.key for c in audio]:
        sha.update(key.encode())
    return sha.hexdigest()[:16]


def thumbnail_frames(frames: range, fps: int, every_s: float) -> tuple[int, ...]:
    """The frames nearest to 0, every_s, 2 every_s … of the export, each once."""
    found = (round(i * every_s * fps) for i in range(ceil(len(frames) / (every_s * fps))))
    return tuple(dict.fromkeys(frames.start + n for n in found if n < len(frames)))


def warnings_of(composed: Composed) -> tuple[dict[str, str], ...]:
    """What is wrong with the recording or could not be drawn, as `--json` shows it."""
    stills = tuple({"code": code, "message": message} for code, message in composed.notices)
    return notices_of(composed.prepared) + stills


def notices_of(prepared: Prepared) -> tuple[dict[str, str], ...]:
    """What is wrong with the recording, as `--json` shows it."""
    return tuple(
        {"code": n.code, "message": n.message, **({"track_id": n.track_id} if n.track_id else {})}
        for n in prepared.meeting.notices
    )


def _counts(chunks: Sequence[VideoChunk] | Sequence[AudioChunk], rendered: set[str]) -> Counts:
    new = len({c.key for c in chunks} & rendered)
    return Counts(len(chunks), new, len(chunks) - new)

