"""The previews of a recording from end to end: prepare, plan, render what is missing, tell what exists.

Takes an open recording, choices and an executor. Playlists grow while segments are made, so what exists can be played;
`manifest.json` comes last, and away it goes before anything is overwritten. Segments that are there under the same
content key are kept, so a run that was interrupted goes on, and one after a change renders what changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from compositing.scene import SourceKind
from farm.build import engine_id
from farm.events import Event, TaskDone
from farm.executors.base import Task
from farm.output import check_folder
from farm.prepare import Prepared
from farm.preview_manifest import manifest, waveform_json
from farm.preview_plan import PlannedStream, PreviewChoices, PreviewSpan, cut_spans, plan_streams, render_choices
from farm.preview_records import PreviewTarget, read_records, replace_records, waveform
from farm.preview_tasks import PreviewWork, render_preview
from farm.run import Counts, Surroundings, missing_intermediates, notices_of, read
from renderer.playlist import media_playlist
from renderer.preview import Rendition, StreamInit, stream_init
from storage.errors import ObjectNotFound
from storage.keys import PreviewStreamKeys
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


@dataclass(slots=True)
class _Growing:
    """A stream while it is made."""

    planned: PlannedStream
    files: Mapping[str, PreviewStreamKeys]
    """By rendition."""
    there: set[int]
    """The segments that are there and as they should be."""

    @property
    def missing(self) -> list[int]:
        return [k for k in range(1, self.planned.stream.grid.count + 1) if k not in self.there]

    @property
    def playable(self) -> int:
        """How many segments there are from the first on without a hole."""
        return next(k - 1 for k in count(1) if k not in self.there)


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
        self._spans: dict[str, PreviewSpan] = {}
        self._stored = 0
        self._first_playable_s: float | None = None

    def run(self) -> PreviewReport:
        self._began = self._around.clock()
        prepared = read(self._recording, self._around)
        settings = self._around.settings
        choices = render_choices(self._options, settings.loss_policy, settings.max_keyframe_interval_s)
        listed = self._listed()
        planned = plan_streams(prepared, self._options, choices, engine_id())
        self._streams = {_who(p): self._found(p, listed) for p in planned}
        reused = sum(len(s.there) for s in self._streams.values())
        self._inits = self._tell_inits()
        if any(s.missing for s in self._streams.values()):
            self._make(listed)
        self._finish(prepared)
        return self._report(prepared, reused)

    # ---- what is there -----------------------------------------------------------------------------------

    def _listed(self) -> dict[str, int]:
        """Bytes of all objects of the preview, by key."""
        return {info.key: info.size for info in self._store.list(self._target.root)}

    def _found(self, planned: PlannedStream, listed: Mapping[str, int]) -> _Growing:
        who = _who(planned)
        files = {r.name: self._target.keys.stream(*who, r.name) for r in planned.stream.renditions}
        known = read_records(self._store, self._target.records_of(*who)) if self._options.reuse else {}
        there = {
            k
            for k, key in enumerate(planned.keys, 1)
            if k in known and known[k].key == key and all(f.segment(k) in listed for f in files.values())
        }
        return _Growing(planned, files, there)

    def _tell_inits(self) -> dict[Rendition, StreamInit]:
        """Puts the init segment of every rendition."""
        inits: dict[Rendition, StreamInit] = {}
        for growing in self._streams.values():
            for rendition in growing.planned.stream.renditions:
                spec = growing.planned.stream.render
                if rendition not in inits:
                    inits[rendition] = stream_init(rendition, spec.video, spec.audio)
                self._tell(growing.files[rendition.name].init, inits[rendition].data)
        return inits

    # ---- what is made ------------------------------------------------------------------------------------

    def _make(self, listed: Mapping[str, int]) -> None:
        self._around.fence()
        self._store.delete(self._target.keys.manifest)
        for growing in self._streams.values():
            self._forget(growing, listed)
            self._tell_playlists(growing)
        missing = [(g.planned, g.missing) for g in self._streams.values() if g.missing]
        self._run(self._intermediates(planned for planned, _ in missing))
        spans = cut_spans(missing, self._around.executor.workers)
        tasks = [self._task(span) for span in spans]
        self._spans = {task.key: span for task, span in zip(tasks, spans, strict=True)}
        self._stored = sum(self._run(tasks).values())

    def _forget(self, growing: _Growing, listed: Mapping[str, int]) -> None:
        """Records and stills of what is about to be overwritten."""
        who = _who(growing.planned)
        records = self._target.records_of(*who)
        known = read_records(self._store, records)
        replace_records(self._store, records, {k: known[k] for k in growing.there})
        for k in growing.missing:
            if (still := self._target.keys.still(*who, k)) in listed:
                self._store.delete(still)

    def _intermediates(self, planned: Iterable[PlannedStream]) -> list[Task]:
        specs = [p.stream.render for p in planned]
        return [task for spec in specs for task in missing_intermediates(self._recording, spec, spec.tracks)]

    def _task(self, span: PreviewSpan) -> Task:
        stream = span.planned.stream
        work = PreviewWork(stream, span.first, span.last, span.planned.keys[span.first - 1 : span.last], self._target)
        return Task(f"preview/{stream.source}/{stream.peer_id}/{span.first}", "preview", render_preview, (work,))

    def _run(self, tasks: Sequence[Task]) -> dict[str, Any]:
        return self._around.executor.run(tasks, self._observe, self._around.cancel) if tasks else {}

    def _observe(self, event: Event) -> None:
        if isinstance(event, TaskDone) and (span := self._spans.get(event.key)):
            growing = self._streams[_who(span.planned)]
            growing.there.update(range(span.first, span.last + 1))
            self._tell_playlists(growing)
            if self._first_playable_s is None and all(s.playable for s in self._streams.values()):
                self._first_playable_s = self._around.clock() - self._began
        self._around.observer(event)

    # ---- what is told ------------------------------------------------------------------------------------

    def _tell(self, key: str, data: bytes) -> None:
        """Puts an object unless it is there already, so that a run that changes nothing writes nothing."""
        try:
            if self._store.get(key) == data:
                return
        except ObjectNotFound:
            pass
        self._store.put(key, data)

    def _tell_playlists(self, growing: _Growing) -> None:
        grid, playable = growing.planned.stream.grid, growing.playable
        for files in growing.files.values():
            text = media_playlist(
                _name(files.init),
                [(_name(files.segment(k)), grid.length_s(k)) for k in range(1, playable + 1)],
                segment_seconds=grid.seconds,
                zero_unix_ms=self._recording.manifest.zero_unix_ms,
                complete=playable == grid.count,
            )
            self._tell(files.playlist, text.encode())

    def _finish(self, prepared: Prepared) -> None:
        """Waveforms, playlists, and at last the manifest; what belongs to an older preview goes."""
        for growing in self._streams.values():
            self._tell_playlists(growing)
            if growing.planned.stream.source == "camera":
                self._tell_waveform(growing)
        listed = self._listed()
        for key in sorted(set(listed) - self._expected()):
            if _PREVIEW_FILE.fullmatch(key.removeprefix(self._target.root)):
                self._store.delete(key)
        sizes = {key.removeprefix(self._target.root): size for key, size in listed.items()}
        codecs = {rendition: init.codecs for rendition, init in self._inits.items()}
        planned = [growing.planned for growing in self._streams.values()]
        document = manifest(prepared, self._options, planned, codecs, sizes, engine_id())
        self._around.fence()
        self._tell(self._target.keys.manifest, json.dumps(document, ensure_ascii=False, indent=1).encode())

    def _tell_waveform(self, growing: _Growing) -> None:
        who = _who(growing.planned)
        prefix = self._target.records_of(*who)
        known = read_records(self._store, prefix)
        drawn = waveform(known[k] for k in sorted(growing.there))
        self._tell(self._target.keys.waveform(who[0]), json.dumps(waveform_json(drawn)).encode())

    def _expected(self) -> set[str]:
        keys, expected = self._target.keys, set[str]()
        for who, growing in self._streams.items():
            numbers = range(1, growing.planned.stream.grid.count + 1)
            expected |= {keys.waveform(who[0]), *(keys.still(*who, k) for k in numbers)}
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
            first_playable_s=round(seconds if self._first_playable_s is None else self._first_playable_s, 3),
        )


def _who(planned: PlannedStream) -> tuple[str, SourceKind]:
    return planned.stream.peer_id, planned.stream.source


def _name(key: str) -> str:
    """An object as the playlist beside it names it: percent signs of encoded ids stand only in folders."""
    return key.rsplit("/", 1)[1]
