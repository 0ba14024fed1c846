"""A dispatcher with two slots on one Dask cluster: jobs side by side, a cancel in the middle, all over real media."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from compositing.state import canonical_json, composition_id
from farm.cluster import open_executor
from farm.job import Job, JobKind
from farm.settings import FarmSettings
from scheduler_api.jobs.dispatcher import Dispatcher
from scheduler_api.jobs.pool import SharedExecutor
from scheduler_api.jobs.work import Work
from scheduler_api.redis_client import redis_client
from storage.keys import RecordingKeys
from storage.local import LocalStore
from storage.objects import StoreSpec
from tests.support.dispatching import house_of, hurry
from tests.support.exports import state_of
from tests.support.jobs import Office, a_job, until
from tests.support.meetings import Meeting, Peer, write_meeting
from tests.support.valkey import Valkey

pytestmark = pytest.mark.anyio

STATE = state_of({"layout": "grid", "export": {"resolution": "640x360", "fps": 30}})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one meeting of two, and a saved composition."""
    folder = tmp_path_factory.mktemp("store")
    write_meeting(Meeting((Peer(1, "Ada"), Peer(2, "Ben")), 20_000), folder)
    return folder


@pytest.fixture
def keys(base: Path) -> RecordingKeys:
    path = next(base.glob("rooms/*/*"))
    keys = RecordingKeys(path.parent.name, path.name)
    LocalStore(str(base)).put(keys.composition(composition_id(STATE)), canonical_json(STATE))
    return keys


@pytest.fixture(scope="module")
def pool() -> Iterator[SharedExecutor]:
    pool = SharedExecutor(lambda: open_executor(FarmSettings(), workers=2))
    yield pool
    pool.close()


@pytest.fixture
async def office(valkey: Valkey, base: Path, pool: SharedExecutor) -> AsyncIterator[Office]:
    """With a dispatcher at work."""
    office = Office(redis_client(valkey.url), LocalStore(str(base)))
    work = Work(StoreSpec(str(base)), FarmSettings(), pool)
    dispatcher = Dispatcher(replace(house_of(office), run_job=work), "d1", 2, hurry(15.0))
    task = asyncio.create_task(dispatcher.run())
    yield office
    dispatcher.stop()
    await task
    await office.redis.aclose()


def a_job_of(keys: RecordingKeys, kind: JobKind, **request: object) -> Job:
    return a_job(kind, keys.recording_id, keys.room_id, **request)


async def test_an_export_and_a_preview_run_side_by_side(office: Office, keys: RecordingKeys) -> None:
    saved = composition_id(STATE)
    export = await office.submit(a_job_of(keys, "export", composition_id=saved, preset="draft"))
    preview = await office.submit(a_job_of(keys, "preview", preset="low", segment_seconds=4))
    ready = [await office.seen(job, "ready", "failed", within_s=120) for job in (export, preview)]
    assert [(job.status, job.message) for job in ready] == [("ready", None)] * 2
    begins, ends = [job.started_at for job in ready], [job.finished_at for job in ready]
    assert max(filter(None, begins)) < min(filter(None, ends)), "one waited for the other"
    for job in ready:
        assert job.result is not None
        assert office.store.exists(job.result["output"])
        assert job.progress is not None
        assert job.progress.fraction == 1.0
        assert "progress" in await office.events(job)


async def test_an_export_is_cancelled_while_it_renders(office: Office, keys: RecordingKeys) -> None:
    saved = composition_id(STATE)
    job = await office.submit(
        a_job_of(keys, "export", composition_id=saved, preset="high", range={"start_ms": 0, "end_ms": 19_000})
    )

    async def renders() -> bool:
        shown = await office.board.get(job.job_id)
        return bool(shown and shown.progress and shown.progress.fraction > 0.06)

    await until(renders, 60)
    asked_s = time.monotonic()
    await office.jobs.cancel(job.job_id)
    failed = await office.seen(job, "failed", within_s=5)
    assert time.monotonic() - asked_s < 1.0
    assert failed.reason == "cancelled"
    assert not office.store.exists(keys.export(job.job_id))
    again = await office.submit(
        a_job_of(keys, "export", composition_id=saved, preset="draft", range={"start_ms": 0, "end_ms": 1_000})
    )
    assert (await office.seen(again, "ready", "failed", within_s=60)).status == "ready"
