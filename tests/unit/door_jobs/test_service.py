"""Submit, find, list, cancel: also when Redis forgets, refuses, or is asked twice."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from farm.job import Job, Progress
from scheduler_api.jobs.queue import JobQueue
from scheduler_api.jobs.records import JobRecords
from scheduler_api.jobs.service import Jobs
from storage.errors import StoreUnavailable
from storage.memory import MemoryStore
from tests.support.jobs import Office, a_job
from tests.support.valkey import Valkey

pytestmark = pytest.mark.anyio


class TestSubmit:
    async def test_a_job_is_everywhere_at_once(self, office: Office) -> None:
        job = await office.submit()
        assert await office.jobs.find(job.job_id) == job
        assert await office.jobs.of_recording("room-1", "rec-1") == [job]
        assert office.records.find(job.job_id) == job
        assert await office.events(job) == ["queued"]
        assert await office.queue.depth() == {"preview": 0, "export": 1}

    async def test_one_key_makes_one_job_however_many_ask(self, office: Office) -> None:
        asked = [a_job().changed(a_job().created_at, idempotency="k1") for _ in range(20)]
        made = await asyncio.gather(*(office.jobs.submit(job) for job in asked))
        winner = await office.jobs.made_by("k1")
        assert winner is not None
        assert await office.queue.depth() == {"preview": 0, "export": 1}
        assert {job.job_id for job in made} == {winner.job_id}

    async def test_a_key_whose_noting_was_not_answered_makes_its_job(self, office: Office) -> None:
        job = a_job().changed(a_job().created_at, idempotency="k1")
        await office.board.remember("k1", job.job_id)   # and here the answer got lost: the client asks once more
        assert await office.jobs.submit(job) == job
        assert await office.queue.depth() == {"preview": 0, "export": 1}

    async def test_another_key_makes_another_job(self, office: Office) -> None:
        jobs = [await office.submit(a_job().changed(a_job().created_at, idempotency=key)) for key in ("k1", "k2")]
        assert jobs[0].job_id != jobs[1].job_id
        assert await office.jobs.made_by("k3") is None

    async def test_when_the_store_refuses_the_job_never_was_and_its_key_is_free(self, office: Office) -> None:
        class Broken(MemoryStore):
            def put(self, key: str, data: bytes) -> None:
                if key.endswith(".json"):
                    raise StoreUnavailable(self.url, "status 503")
                super().put(key, data)

        store = Broken()
        jobs = Jobs(JobRecords(store), office.board, office.queue)
        job = a_job().changed(a_job().created_at, idempotency="k1")
        with pytest.raises(StoreUnavailable):
            await jobs.submit(job)
        assert list(store.list("")) == []
        assert await office.redis.keys("*") == []

    async def test_when_redis_is_away_the_job_never_was(self, office: Office, valkey: Valkey, tmp_path: Path) -> None:
        await asyncio.to_thread(valkey.kill)
        with pytest.raises(RedisError):
            await office.submit()
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    async def test_when_it_is_cancelled_nothing_is_written_afterwards(self, office: Office) -> None:
        begun, goes_on = threading.Event(), threading.Event()

        class Slow(MemoryStore):
            def put(self, key: str, data: bytes) -> None:
                begun.set()
                assert goes_on.wait(10)
                super().put(key, data)

        store = Slow()
        jobs = Jobs(JobRecords(store), office.board, office.queue)
        submitting = asyncio.create_task(jobs.submit(a_job()))
        assert await asyncio.to_thread(begun.wait, 5)
        submitting.cancel()
        early, _ = await asyncio.wait([submitting], timeout=0.3)
        goes_on.set()
        assert not early, "it waits for the thread that writes"
        with pytest.raises(asyncio.CancelledError):
            await submitting
        assert list(store.list("")) == []
        assert await office.redis.keys("*") == []

    async def test_when_only_the_queue_fails_the_job_is_taken_back(self, office: Office) -> None:
        class Away(JobQueue):
            async def enqueue(self, job: Job) -> bool:
                raise RedisError("gone")

        jobs = Jobs(office.records, office.board, Away(office.redis))
        job = a_job().changed(a_job().created_at, idempotency="k1")
        with pytest.raises(RedisError):
            await jobs.submit(job)
        assert await office.jobs.find(job.job_id) is None
        assert await office.jobs.of_recording("room-1", "rec-1") == []
        again = await office.jobs.submit(a_job().changed(job.created_at, idempotency="k1"))
        assert again.job_id != job.job_id


class TestFind:
    async def test_what_redis_forgot_is_found_in_the_store(self, office: Office, valkey: Valkey) -> None:
        jobs = [await office.submit() for _ in range(3)]
        await asyncio.to_thread(valkey.restart, "none")
        assert await office.jobs.find(jobs[1].job_id) == jobs[1]
        assert await office.board.get(jobs[1].job_id) == jobs[1]
        assert await office.jobs.of_recording("room-1", "rec-1") == jobs
        assert await office.board.of_recording("room-1", "rec-1") == jobs

    async def test_what_is_nowhere_is_none(self, office: Office) -> None:
        assert await office.jobs.find("job-none") is None
        assert await office.jobs.of_recording("room-1", "rec-none") == []

    async def test_a_list_learns_of_new_jobs_without_reading_the_store(self, office: Office) -> None:
        first = await office.submit()
        assert await office.jobs.of_recording("room-1", "rec-1") == [first]
        second = await office.submit()
        office.store.delete(f"rooms/room-1/rec-1/jobs/{first.job_id}.json")
        assert await office.jobs.of_recording("room-1", "rec-1") == [first, second]

    @pytest.mark.parametrize("broken", [b"{}", None], ids=["unreadable", "missing"])
    async def test_one_bad_record_does_not_hide_the_others(self, office: Office, broken: bytes | None) -> None:
        good, bad = await office.submit(), await office.submit()
        key = f"rooms/room-1/rec-1/jobs/{bad.job_id}.json"
        if broken is None:
            office.store.delete(key)
        else:
            office.store.put(key, broken)
        await office.redis.delete(f"farm:job:{bad.job_id}")   # as after a day
        assert await office.jobs.of_recording("room-1", "rec-1") == [good]
        assert await office.board.of_recording("room-1", "rec-1") == [good], "without reading the store again"

    async def test_a_recording_of_the_same_id_in_another_room_is_another(self, office: Office) -> None:
        mine, theirs = await office.submit(), await office.submit(a_job(room="room-2"))
        assert await office.jobs.of_recording("room-1", "rec-1") == [mine]
        assert await office.jobs.of_recording("room-2", "rec-1") == [theirs]


class TestTheBoard:
    async def test_an_older_epoch_is_refused(self, office: Office) -> None:
        job = await office.submit()
        newer = job.moved("processing", job.created_at, epoch=8)
        assert await office.board.put(newer)
        assert not await office.board.put(job.moved("processing", job.created_at, epoch=7))
        assert not await office.board.put(job)
        assert await office.board.get(job.job_id) == newer

    async def test_late_progress_does_not_revive_a_finished_job(self, office: Office) -> None:
        job = await office.submit()
        running = job.moved("processing", job.created_at, epoch=8)
        ended = running.moved("failed", job.created_at, reason="cancelled")
        assert await office.board.put(ended)
        late = running.changed(job.created_at, progress=Progress(done=1, total=2, unit="tasks", fraction=0.5))
        assert not await office.board.put(late)
        assert await office.board.get(job.job_id) == ended
        assert await office.board.open_ids() == set()

    async def test_only_what_is_finished_is_forgotten_with_time(self, office: Office) -> None:
        job = await office.submit()
        assert await office.redis.ttl(f"farm:job:{job.job_id}") == -1
        await office.board.put(job.moved("failed", job.created_at))
        assert 80_000 < await office.redis.ttl(f"farm:job:{job.job_id}") <= 86_400
        assert 80_000 < await office.redis.ttl(f"farm:events:{job.job_id}") <= 86_400

    async def test_a_list_with_a_hole_is_none(self, office: Office) -> None:
        job = await office.submit()
        await office.jobs.of_recording("room-1", "rec-1")
        await office.redis.delete(f"farm:job:{job.job_id}")
        assert await office.board.of_recording("room-1", "rec-1") is None
        assert await office.jobs.of_recording("room-1", "rec-1") == [job]
