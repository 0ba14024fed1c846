"""What a job is made of: the farm's calls for each kind of request, with their results as a job shows them.

Takes jobs as the routes have written them, gives outcomes whose keys are object keys from the store's root. An export
is named by its job. Must not know Redis.

    preview   {preset, segment_seconds, audio}
    export    {composition_id, preset, format, range: {start_ms, end_ms} or null, thumbnails_every_s}
    a part    {job_type, layout, start_time_sec, end_time_sec, output_key}: the Recording Service's own exports
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from compositing.state import CompositionState, LayoutName, parse_state
from farm.executors.base import CancelToken, Observer
from farm.job import Job
from farm.preview import PreviewOptions, preview
from farm.run import ExportOptions, ExportReport, Surroundings, export
from farm.settings import FarmSettings
from renderer.profiles import PresetName, PreviewPreset
from scheduler_api.jobs.pool import Ahead, SharedExecutor
from scheduler_api.jobs.running import Outcome
from storage.objects import StoreSpec
from storage.recordings import Recording, open_recording

PREVIEW_PRIORITY = 10
"""Of a preview's tasks on the cluster, where an export's have 0."""


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Preview(_Request):
    preset: PreviewPreset = "standard"
    segment_seconds: Literal[2, 4] = 4
    audio: bool = False


class _Range(_Request):
    start_ms: int = 0
    end_ms: int | None = None


class _Export(_Request):
    composition_id: str
    preset: PresetName = "standard"
    format: Literal["mp4", "m4a"] = "mp4"
    range: _Range | None = None
    thumbnails_every_s: float | None = None


class _Part(_Request):
    layout: LayoutName
    start_time_sec: float
    end_time_sec: float
    output_key: str


class Work:
    """Runs jobs over the recordings of one store. Any number of threads may call it at the same time."""

    def __init__(self, spec: StoreSpec, settings: FarmSettings, pool: SharedExecutor) -> None:
        self._spec = spec
        self._settings = settings
        self._pool = pool

    def __call__(self, job: Job, observer: Observer, cancel: CancelToken, fence: Callable[[], None], /) -> Outcome:
        """Raises the errors of all rooms."""
        recording = open_recording(self._spec, job.room_id, job.recording_id)
        with self._pool.borrowed() as executor:
            if job.kind == "preview":
                ahead = Ahead(executor, PREVIEW_PRIORITY)
                return _preview(recording, job, Surroundings(self._settings, ahead, observer, cancel, fence=fence))
            return _export(recording, job, Surroundings(self._settings, executor, observer, cancel, fence=fence))


def _preview(recording: Recording, job: Job, around: Surroundings) -> Outcome:
    asked = _Preview.model_validate(job.request)
    report = preview(recording, PreviewOptions(asked.preset, asked.segment_seconds, asked.audio), around)
    told = report.to_json() | {"output": recording.keys.preview.manifest}
    del told["warnings"]
    return Outcome(told, report.warnings)


def _export(recording: Recording, job: Job, around: Surroundings) -> Outcome:
    if "output_key" in job.request:
        return _part(recording, _Part.model_validate(job.request), around)
    asked = _Export.model_validate(job.request)
    state = parse_state(recording.store.get(recording.keys.composition(asked.composition_id)))
    if asked.range is not None:
        state = _cut(state, asked.range.start_ms, asked.range.end_ms)
    options = ExportOptions(
        preset=asked.preset,
        format=asked.format,
        thumbnails_every_s=asked.thumbnails_every_s,
        export_id=job.job_id,
    )
    return _outcome(export(recording, state, options, around), recording.keys.export(job.job_id, asked.format))


def _part(recording: Recording, asked: _Part, around: Surroundings) -> Outcome:
    key = recording.keys.requested_output(asked.output_key)
    state = CompositionState(layout=asked.layout)
    state = _cut(state, round(asked.start_time_sec * 1000), round(asked.end_time_sec * 1000))
    return _outcome(export(recording, state, ExportOptions(key=key), around), key)


def _cut(state: CompositionState, start_ms: int, end_ms: int | None) -> CompositionState:
    shown = state.export.model_copy(update={"start_ms": start_ms, "end_ms": end_ms})
    return state.model_copy(update={"export": shown})


def _outcome(report: ExportReport, key: str) -> Outcome:
    """The report without what is the machine's affair, its output named by its key."""
    told = report.to_json() | {"output": key}
    for name in ("warnings", "rendered_frames", "stages", "decoded_units", "lead_in_units"):
        del told[name]
    return Outcome(told, report.warnings)
