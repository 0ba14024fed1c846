"""The previews of a recording from end to end: prepare, plan, render what is missing, tell what exists.

Takes an open recording, choices and an executor. Playlists grow while segments are made, so what exists can be played;
`manifest.json` comes last, and away it goes before anything is overwritten. Segments that are there under the same
content key are kept, so a run that was interrupted goes on, and one after a change renders what changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from farm.build import engine_id
from farm.errors import OutputUnusable
from farm.events import ChunksFound, ChunkStored, Event, TaskDone, TaskProgress
from farm.executors.base import Task
from farm.needs import write_preview_needs
from farm.output import check_folder
from farm.prepare import Prepared
from farm.preview_growth import GrowingStream, Who, is_whole, stored_segments, who
from farm.preview_manifest import manifest, waveform_json
from farm.preview_plan import PlannedStream, PreviewChoices, PreviewSpan, cut_spans, plan_streams, render_choices
from farm.preview_records import PreviewTarget, kind_of, read_records, replace_records, waveform
from farm.preview_tasks import PreviewWork, render_preview
from farm.run import Counts, Surroundings, missing_intermediates, notices_of, read
from renderer.preview import PreviewStream, Rendition, StreamInit, stream_init
from storage.errors import ObjectNotFound
from storage.objects import StoreSpec, open_store
from storage.recordings import Recording

_PREVIEW_FILE = re.compile(
    r"(peers|screenshare)/[^/]+/((av|av_low|audio|video)(\.m3u8|_init\.mp4|_\d+\.m4s)|still_\d+\.jpg|waveform\.json)"
)
"""What a preview writes: in a folder that somebody named, nothing else is ever deleted."""
_RECORDS_IN_FOLDER = ".records/"


@dataclass(frozen=True, slots=True)
class PreviewOptions(PreviewChoices):
    """What is asked of a preview, and where it goes."""

    output: Path | None = None
    """A folder; None puts the previews under the recording's own keys."""
    reuse: bool = True
    """Whether segments that are there are kept."""


@dataclass(frozen=True, slots=True)
class PreviewReport:
    """What a preview run did."""

    output: str
    duration_ms: int
    preset: str
    segment_seconds: int
    streams: int
    segments: Counts
    bytes: int
    """Of the segments rendered now."""
    warnings: tuple[dict[str, str], ...]
    seconds: float
    first_playable_s: float
    """Until every stream had its first segment."""

    def to_json(self) -> dict[str, Any]:
        """The document that `--json` prints."""
        return asdict(self)


def preview(recording: Recording, options: PreviewOptions, around: Surroundings) -> PreviewReport:
    """Makes the previews of a recording. Raises the errors of all rooms; what was made until then can be played."""
    return _Preview(recording, options, around).run()


def target_of(recording: Recording, output: Path | None) -> PreviewTarget:
    """Where the previews of a recording go."""
    if output is None:
        return PreviewTarget(recording.spec, recording.keys.preview.root, recording.keys.preview_records)
    return PreviewTarget(StoreSpec(str(output.resolve())), "", _RECORDS_IN_FOLDER)


class _Preview:
    """The steps of one run, in order, with what they found."""

    def __init__(self, recording: Recording, options: PreviewOptions, around: Surroundings) -> None:
        if options.output is not None:
            check_folder(options.output)
        self._recording = recording
        self._options = options
        self._around = around
        self._target = target_of(recording, options.output)
        self._store = open_store(self._target.store)
        self._streams: dict[Who, GrowingStream] = {}
        self._spans: dict[str, PreviewSpan] = {}
        self._told: dict[str, bytes] = {}
        self._stored = 0
        self._first_playable_s: float | None = None

    def run(self) -> PreviewReport:
        self._began = self._around.clock()
        prepared = read(self._recording, self._around)
        settings = self._around.settings
        choices = render_choices(self._options, settings.loss_policy, settings.max_keyframe_interval_s)
        listed = self._listed()
        planned = plan_streams(prepared, self._options, choices, engine_id())
        self._streams = {who(p): self._found(p, listed) for p in planned}
        reused = sum(len(s.records) for s in self._streams.values())
        self._around.observer(ChunksFound(kind="segment", chunks=reused))
        missing = [(g.planned, g.missing) for g in self._streams.values() if g.missing]
        if missing:
            self._withdraw(listed)
        self._inits = self._tell_inits()
        self._note_playable()
        if missing:
            self._make(missing)
        self._finish(prepared)
        return self._report(prepared, reused)

    # ---- what is there -----------------------------------------------------------------------------------

    def _listed(self) -> dict[str, int]:
        """Bytes of all objects of previews, by key; in a folder that somebody named, nothing else is looked at."""
        keys = self._target.keys
        return {info.key: info.size for folder in keys.folders for info in self._store.list(folder)}

    def _found(self, planned: PlannedStream, listed: Mapping[str, int]) -> GrowingStream:
        stream, keys = planned.stream, self._target.keys
        files = {r.name: keys.stream(stream.peer_id, stream.source, r.name) for r in stream.renditions}
        known = read_records(self._store, self._target.records_of(*who(planned))) if self._options.reuse else {}
        there = {
            k: known[k]
            for k, key in enumerate(planned.keys, 1)
            if k in known and is_whole(known[k], key, planned, [listed.get(f.segment(k)) for f in files.values()])
        }
        return GrowingStream(planned, files, there)

    # ---- what is made ------------------------------------------------------------------------------------

    def _withdraw(self, listed: Mapping[str, int]) -> None:
        """Takes back what tells of segments that are about to be overwritten, and their stills."""
        self._around.fence()
        self._store.delete(self._target.keys.manifest)
        for growing in self._streams.values():
            replace_records(self._store, self._target.records_of(*who(growing.planned)), growing.records)
            self._tell_playlists(growing)
            for still in self._stills(growing.planned.stream, growing.missing):
                if still in listed:
                    self._store.delete(still)

    def _stills(self, stream: PreviewStream, numbers: Iterable[int]) -> list[str]:
        """The keys of the stills of these segments; sound alone has none."""
        if kind_of(stream) == "audio":
            return []
        return [self._target.keys.still(stream.peer_id, stream.source, k) for k in numbers]

    def _make(self, missing: Sequence[tuple[PlannedStream, Sequence[int]]]) -> None:
        write_preview_needs(self._recording, [t for planned, _ in missing for t in planned.stream.render.tracks])
        intermediates = {who(planned): self._intermediates(planned) for planned, _ in missing}
        spans = cut_spans(missing, self._around.executor.workers)
        tasks = [self._task(span, intermediates[who(span.planned)]) for span in spans]
        self._spans = {task.key: span for task, span in zip(tasks, spans, strict=True)}
        before = [task for needed in intermediates.values() for task in needed]
        results = self._around.executor.run([*before, *tasks], self._observe, self._around.cancel)
        for key, span in self._spans.items():
            self._stored += sum(sum(record.sizes) for record in results[key])
            self._streams[who(span.planned)].records |= {record.number: record for record in results[key]}
        for name in {who(planned) for planned, _ in missing}:
            replace_records(self._store, self._target.records_of(*name), self._streams[name].records)

    def _intermediates(self, planned: PlannedStream) -> list[Task]:
        spec = planned.stream.render
        return missing_intermediates(self._recording, spec, spec.tracks)

    def _task(self, span: PreviewSpan, needed: Sequence[Task]) -> Task:
        """A span waits for the intermediates of its own tracks only; what can be played soon goes before these."""
        stream = span.planned.stream
        work = PreviewWork(stream, span.first, span.last, span.planned.keys[span.first - 1 : span.last], self._target)
        key = f"preview/{kind_of(stream)}/{stream.peer_id}/{span.first}"
        after = tuple(task.key for task in needed)
        return Task(key, "preview", render_preview, (work,), after, priority=int(span.first == 1))

    def _observe(self, event: Event) -> None:
        if isinstance(event, ChunkStored | TaskDone | TaskProgress) and (span := self._spans.get(event.key)):
            growing = self._streams[who(span.planned)]
            growing.grow(stored_segments(span, event))
            self._tell_growth(growing, span_ended=isinstance(event, TaskDone))
        self._around.observer(event)

    def _tell_growth(self, growing: GrowingStream, *, span_ended: bool) -> None:
        if growing.is_due(self._around.clock(), span_ended=span_ended):
            self._check_reached(growing)
            self._around.fence()
            self._tell_playlists(growing)
            self._note_playable()

    def _note_playable(self) -> None:
        if self._first_playable_s is None and all(s.playable for s in self._streams.values()):
            self._first_playable_s = self._around.clock() - self._began

    def _check_reached(self, growing: GrowingStream) -> None:
        """Raises OutputUnusable where workers elsewhere have put segments on disks of their own."""
        newest = next(iter(growing.files.values())).segment(growing.playable)
        if self._options.output is not None and not self._store.exists(newest):
            raise OutputUnusable(str(self._options.output), "the workers are elsewhere, and do not share this folder")

    # ---- what is told ------------------------------------------------------------------------------------

    def _tell(self, key: str, data: bytes) -> None:
        """Puts an object unless it is there already, so that a run that changes nothing writes nothing."""
        if key not in self._told:
            with suppress(ObjectNotFound):
                self._told[key] = self._store.get(key)
        if self._told.get(key) != data:
            self._store.put(key, data)
            self._told[key] = data

    def _tell_inits(self) -> dict[Rendition, StreamInit]:
        """Puts the init segment of every rendition."""
        inits: dict[Rendition, StreamInit] = {}
        for growing in self._streams.values():
            spec = growing.planned.stream.render
            for rendition in growing.planned.stream.renditions:
                if rendition not in inits:
                    inits[rendition] = stream_init(rendition, spec.video, spec.audio)
                self._tell(growing.files[rendition.name].init, inits[rendition].data)
        return inits

    def _tell_playlists(self, growing: GrowingStream) -> None:
        texts = growing.playlists(self._recording.manifest.zero_unix_ms, self._around.clock())
        for key, text in texts.items():
            self._tell(key, text.encode())

    def _tell_waveform(self, growing: GrowingStream) -> None:
        drawn = waveform(growing.records[k] for k in sorted(growing.records))
        key = self._target.keys.waveform(growing.planned.stream.peer_id)
        self._tell(key, json.dumps(waveform_json(drawn)).encode())

    def _finish(self, prepared: Prepared) -> None:
        """Waveforms, playlists, and at last the manifest; then what belongs to an older preview goes."""
        for growing in self._streams.values():
            self._tell_playlists(growing)
            if kind_of(growing.planned.stream) == "camera":
                self._tell_waveform(growing)
        listed = self._listed()
        sizes = {key.removeprefix(self._target.root): size for key, size in listed.items()}
        codecs = {rendition: init.codecs for rendition, init in self._inits.items()}
        planned = [growing.planned for growing in self._streams.values()]
        document = manifest(prepared, self._options, planned, codecs, sizes, engine_id())
        self._around.fence()
        self._tell(self._target.keys.manifest, json.dumps(document, ensure_ascii=False, indent=1).encode())
        for key in sorted(set(listed) - self._expected()):
            if _PREVIEW_FILE.fullmatch(key.removeprefix(self._target.root)):
                self._store.delete(key)

    def _expected(self) -> set[str]:
        keys, expected = self._target.keys, set[str]()
        for growing in self._streams.values():
            stream = growing.planned.stream
            numbers = range(1, stream.grid.count + 1)
            expected |= {keys.waveform(stream.peer_id), *self._stills(stream, numbers)}
            for files in growing.files.values():
                expected |= {files.playlist, files.init, *map(files.segment, numbers)}
        return expected

    def _report(self, prepared: Prepared, reused: int) -> PreviewReport:
        total = sum(s.planned.stream.grid.count for s in self._streams.values())
        seconds = self._around.clock() - self._began
        return PreviewReport(
            output=f"{self._target.store.url}/{self._target.root}".rstrip("/"),
            duration_ms=prepared.meeting.facts.duration_ms,
            preset=self._options.preset,
            segment_seconds=self._options.segment_seconds,
            streams=sum(len(s.files) for s in self._streams.values()),
            segments=Counts(total, total - reused, reused),
            bytes=self._stored,
            warnings=notices_of(prepared),
            seconds=round(seconds, 3),
            first_playable_s=round(self._first_playable_s or seconds, 3),
        )

