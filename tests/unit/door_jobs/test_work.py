"""Jobs over a real recording: what the farm makes of each request, and what the job then says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from compositing.state import canonical_json, composition_id
from farm.errors import Cancelled, StaleEpoch
from farm.executors.base import CancelToken
from farm.executors.local import LocalExecutor
from farm.job import Job, JobKind
from farm.settings import FarmSettings
from scheduler_api.jobs.pool import SharedExecutor
from scheduler_api.jobs.running import Outcome
from scheduler_api.jobs.work import Work
from storage.errors import InvalidKey, ObjectNotFound, RecordingNotFound
from storage.keys import RecordingKeys
from storage.local import LocalStore
from storage.objects import StoreSpec
from tests.support.exports import state_of
from tests.support.jobs import a_job
from tests.support.meetings import Meeting, Peer, write_meeting

SMALL = {"layout": "grid", "export": {"resolution": "320x180", "fps": 10, "start_ms": 0, "end_ms": None}}


class Bench:
    """A short meeting with a saved composition."""

    def __init__(self, base: Path) -> None:
        source = write_meeting(Meeting((Peer(1, "Ada"),), 3500), base).path
        self.keys = RecordingKeys(source.parent.name, source.name)
        self.store = LocalStore(str(base))
        self.saved = composition_id(state_of(SMALL))
        self.store.put(self.keys.composition(self.saved), canonical_json(state_of(SMALL)))
        self.work = Work(StoreSpec(str(base)), FarmSettings(), SharedExecutor(LocalExecutor))
        self.fenced = 0

    def job(self, kind: JobKind, **request: Any) -> Job:
        return a_job(kind, self.keys.recording_id, self.keys.room_id, **request)

    def run(self, job: Job, cancel: CancelToken | None = None) -> Outcome:
        return self.work(job, lambda event: None, cancel or CancelToken(), self.fence)

    def fence(self) -> None:
        self.fenced += 1

    def video(self, key: str) -> tuple[float, tuple[int, int]]:
        """Seconds and size of the picture."""
        with av.open(str(Path(self.store.url) / key)) as container:
            stream = container.streams.video[0]
            assert container.duration is not None
            return container.duration / 1e6, (stream.width, stream.height)

    def finals(self) -> list[str]:
        """All that lies under final names."""
        return [info.key for info in self.store.list(self.keys.prefix) if "/processed/" in info.key]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    return Bench(tmp_path_factory.mktemp("work"))


def test_an_export_is_named_by_its_job_and_shows_the_range(bench: Bench) -> None:
    job = bench.job(
        "export",
        composition_id=bench.saved,
        preset="draft",
        format="mp4",
        range={"start_ms": 1000, "end_ms": 3000},
        thumbnails_every_s=1.0,
    )
    outcome = bench.run(job)
    result = outcome.result
    assert result["output"] == bench.keys.export(job.job_id)
    assert result["thumbnails"] == (bench.keys.thumbnail(job.job_id, 1), bench.keys.thumbnail(job.job_id, 2))
    assert all(bench.store.exists(key) for key in result["thumbnails"])
    seconds, size = bench.video(result["output"])
    assert (round(seconds, 1), size) == (2.0, (320, 180))
    assert (result["frames"], result["fps"], result["encoder"]) == (20, 10, "x264")
    assert bench.fenced >= 1
    assert bench.store.url not in job.changed(job.created_at, result=result).to_json().decode()


def test_sound_alone_has_its_own_extension(bench: Bench) -> None:
    job = bench.job("export", composition_id=bench.saved, format="m4a", range={"start_ms": 0, "end_ms": 1000})
    assert bench.run(job).result["output"] == bench.keys.export(job.job_id, "m4a")


def test_a_part_goes_to_the_key_that_was_asked_for(bench: Bench) -> None:
    part = {
        "job_type": "quick_access",
        "format": "mp4",
        "layout": "speaker",
        "start_time_sec": 0.5,
        "end_time_sec": 1.0,
        "output_key": "quick_access/part-0001.mp4",
    }
    result = bench.run(bench.job("export", **part)).result
    assert result["output"] == f"{bench.keys.prefix}/quick_access/part-0001.mp4"
    seconds, size = bench.video(result["output"])
    assert (round(seconds, 2), size) == (0.5, (1920, 1080))
    with pytest.raises(InvalidKey):
        bench.run(bench.job("export", **(part | {"output_key": "policy.json"})))


def test_a_preview_tells_its_manifest(bench: Bench) -> None:
    outcome = bench.run(bench.job("preview", preset="low", segment_seconds=4, audio=False))
    assert outcome.result["output"] == f"{bench.keys.prefix}/preview/manifest.json"
    assert bench.store.exists(outcome.result["output"])
    assert outcome.result["segments"]["total"] > 0
    assert "warnings" not in outcome.result


def test_a_fence_that_is_closed_leaves_nothing(bench: Bench) -> None:
    def closed() -> None:
        raise StaleEpoch("job", 7)

    before = bench.finals()
    job = bench.job("export", composition_id=bench.saved, preset="draft", range={"start_ms": 0, "end_ms": 500})
    with pytest.raises(StaleEpoch):
        bench.work(job, lambda event: None, CancelToken(), closed)
    assert bench.finals() == before


def test_a_cancelled_run_leaves_nothing(bench: Bench) -> None:
    before, token = bench.finals(), CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        bench.run(bench.job("export", composition_id=bench.saved, range={"start_ms": 0, "end_ms": 400}), token)
    assert bench.finals() == before


def test_what_is_not_there_is_named(bench: Bench) -> None:
    with pytest.raises(ObjectNotFound):
        bench.run(bench.job("export", composition_id="0" * 32))
    with pytest.raises(RecordingNotFound):
        bench.run(a_job("preview", "rec-none", "room-none"))
