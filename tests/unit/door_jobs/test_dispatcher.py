"""What a dispatcher does with jobs, in this process and with a real server; and when that server goes away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from farm.job import Job, moment
from scheduler_api.jobs.dispatcher import Dispatcher
from scheduler_api.jobs.failures import OURS, STORAGE
from scheduler_api.jobs.queue import JobQueue
from scheduler_api.jobs.turn import MAX_ATTEMPTS
from tests.support.dispatching import house_of, hurry
from tests.support.jobs import Office, a_job, until
from tests.support.valkey import Data, Valkey

pytestmark = pytest.mark.anyio

LEASE_S = 1.0
Working = Callable[..., AbstractAsyncContextManager[Dispatcher]]


@pytest.fixture
def working(office: Office) -> Working:
    @asynccontextmanager
    async def start(
        slots: int = 2, notify: Any = None, store_failed: Callable[[], None] = lambda: None, **timing: Any
    ) -> AsyncIterator[Dispatcher]:
        house = house_of(office, notify, **timing) if notify else house_of(office, **timing)
        dispatcher = Dispatcher(house, "d1", slots, hurry(LEASE_S), store_failed=store_failed)
        task = asyncio.create_task(dispatcher.run())
        try:
            yield dispatcher
        finally:
            dispatcher.stop()
            await task

    return start


def made_by(office: Office, job: Job) -> int | None:
    """The epoch that made the job's export; None if there is none."""
    key = f"rooms/{job.room_id}/{job.recording_id}/processed/exports/{job.job_id}.mp4"
    return int(office.store.get(key)) if office.store.exists(key) else None


def tries(office: Office, job: Job) -> int:
    return len(list(office.store.list(f"tries/{job.job_id}/")))


class TestAJob:
    async def test_is_run_and_everybody_is_told(self, office: Office, working: Working) -> None:
        told: list[Job] = []

        async def notify(job: Job) -> None:
            told.append(job)

        job = await office.submit(a_job(seconds=0.3))
        async with working(notify=notify):
            ready = await office.seen(job, "ready")
            await until(lambda: _no(office.queue, job), 3)
        assert ready.result == {"output": f"rooms/room-1/rec-1/processed/exports/{job.job_id}.mp4"}
        assert [warning["code"] for warning in ready.warnings] == ["segment-missing"]
        assert ready.started_at is not None
        assert ready.finished_at is not None
        assert job.created_at <= ready.started_at < ready.finished_at
        assert (ready.attempts, ready.epoch) == (1, made_by(office, job))
        assert ready.progress is not None
        assert (ready.progress.fraction, ready.progress.eta_s) == (1.0, 0.0)
        assert office.records.find(job.job_id) == ready
        assert office.records.find_open(job.job_id) is None
        assert told == [ready]
        events = await office.events(job)
        assert events[:2] == ["queued", "processing"]
        assert events[-1] == "ready"
        assert 3 <= events.count("progress") == len(events) - 3

    async def test_that_fails_says_why_and_leaves_nothing(self, office: Office, working: Working) -> None:
        jobs = {name: await office.submit(a_job(errors=[name])) for name in ("missing", "poison", "bug")}
        async with working():
            failed = {name: await office.seen(job, "failed") for name, job in jobs.items()}
        said = {name: (job.reason, job.message) for name, job in failed.items()}
        assert said["missing"][0] == "recording-not-found"
        assert said["poison"] == ("poison-task", OURS)
        assert said["bug"] == ("internal", OURS)
        for job in failed.values():
            assert made_by(office, job) is None
            assert office.records.find(job.job_id) == job
            assert tries(office, job) == 1
            for secret in ("10.0.0", "/secret", office.store.url):
                assert secret not in job.to_json().decode()

    async def test_is_tried_again_when_that_may_help(self, office: Office, working: Working) -> None:
        job = await office.submit(a_job(errors=["outage", "unreachable"]))
        async with working():
            ready = await office.seen(job, "ready")
        assert (tries(office, job), ready.attempts) == (3, 1)

    async def test_is_given_up_when_it_does_not_help(self, office: Office, working: Working) -> None:
        job = await office.submit(a_job(errors=["outage"] * 9))
        async with working():
            failed = await office.seen(job, "failed")
        assert tries(office, job) == 3
        assert (failed.reason, failed.message) == ("store-unavailable", STORAGE)

    @pytest.mark.parametrize("error", ["unreachable", "mismatch", "refused"])
    async def test_waits_for_its_cluster_longer_than_other_errors_are_worth(
        self, office: Office, working: Working, error: str
    ) -> None:
        job = await office.submit(a_job(errors=["outage", *[error] * 6, "outage"]))
        async with working():
            ready = await office.seen(job, "ready")
        assert (tries(office, job), ready.attempts) == (9, 1)

    async def test_whose_cluster_does_not_come_back_is_given_up(self, office: Office, working: Working) -> None:
        job = await office.submit(a_job(errors=["unreachable"] * 9))
        async with working():
            failed = await office.seen(job, "failed")
        assert (tries(office, job), failed.reason) == (7, "cluster-unreachable")

    async def test_that_was_begun_too_often_is_given_up(self, office: Office, working: Working) -> None:
        job = a_job().changed(moment(time.time()), attempts=MAX_ATTEMPTS)
        await office.submit(job)
        async with working():
            failed = await office.seen(job, "failed")
        assert (failed.reason, tries(office, job)) == ("abandoned", 0)

    async def test_that_was_taken_often_but_never_begun_is_not_given_up(
        self, office: Office, working: Working
    ) -> None:
        job = await office.submit()
        hasty = JobQueue(office.redis, lease_s=0.01)
        for _ in range(MAX_ATTEMPTS + 1):   # as while the store is away: its record cannot be read, its lease runs out
            assert await hasty.take("d0")
            assert await until(hasty.reap, 3) == [job.job_id]
        async with working():
            ready = await office.seen(job, "ready", "failed")
        assert (ready.status, ready.attempts) == ("ready", 1)

    async def test_that_never_came_into_being_is_dropped(self, office: Office, working: Working) -> None:
        job = a_job()
        await office.queue.enqueue(job)
        async with working():
            await until(lambda: _no(office.queue, job), 3)
        assert tries(office, job) == 0

    async def test_whose_record_cannot_be_read_does_not_stop_the_others(
        self, office: Office, working: Working, caplog: pytest.LogCaptureFixture
    ) -> None:
        bad, good = await office.submit(), await office.submit()
        office.store.put(f"rooms/room-1/rec-1/jobs/{bad.job_id}.json", b"{}")
        async with working(slots=1):
            await office.seen(good, "ready")
        assert any(bad.job_id in line.getMessage() for line in caplog.records if line.levelno == logging.ERROR)

    async def test_whose_end_was_written_but_not_told_is_told_and_not_run(
        self, office: Office, working: Working
    ) -> None:
        told: list[str] = []

        async def notify(job: Job) -> None:
            told.append(job.status)

        job = await office.submit()
        taken = job.moved("processing", job.created_at, epoch=5)
        office.records.put(taken.moved("ready", job.created_at, result={}))   # and here its dispatcher died
        async with working(notify=notify):
            await office.seen(job, "ready")
            await until(lambda: _no(office.queue, job), 3)
        assert (tries(office, job), told) == (0, ["ready"])
        assert (await office.events(job))[-1] == "ready"
        assert office.records.find_open(job.job_id) is None


async def _no(queue: Any, job: Job) -> bool:
    """Whether the queue has done with the job."""
    return bool(await queue.unknown([job.job_id]))


class TestSlots:
    async def test_exports_do_not_take_all(self, office: Office, working: Working) -> None:
        exports = [await office.submit(a_job(recording=f"r{n}", seconds=60)) for n in range(3)]
        async with working(slots=3):
            for job in exports[:2]:
                await office.seen(job, "processing")
            preview = await office.submit(a_job("preview", seconds=0))
            await office.seen(preview, "ready")
            waiting = await office.board.get(exports[2].job_id)
            assert waiting is not None
            assert waiting.status == "queued"

    async def test_a_preview_beside_leaves_room_for_an_export(self, office: Office, working: Working) -> None:
        preview = await office.submit(a_job("preview", seconds=60))
        async with working(slots=2):
            await office.seen(preview, "processing")
            await office.seen(await office.submit(), "ready")

    async def test_a_single_one_is_for_all(self, office: Office, working: Working) -> None:
        job = await office.submit()
        async with working(slots=1):
            await office.seen(job, "ready")

    async def test_a_thread_that_does_not_end_keeps_its_slot(self, office: Office, working: Working) -> None:
        deaf = await office.submit(a_job(seconds=2.0, deaf=True))
        async with working(slots=1) as dispatcher:
            await office.seen(deaf, "processing")
            await office.jobs.cancel(deaf.job_id)
            await office.seen(deaf, "failed")
            assert dispatcher.free_slots == 0
            after = await office.submit()
            began_s = time.monotonic()
            await office.seen(after, "ready")
            assert time.monotonic() - began_s > 0.5


class TestTelling:
    async def test_a_recordings_next_preview_does_not_wait_for_it(self, office: Office, working: Working) -> None:
        first, second = [await office.submit(a_job("preview")) for _ in range(2)]
        listens = asyncio.Event()

        async def notify(job: Job) -> None:
            if job.job_id == first.job_id:
                await listens.wait()

        async with working(notify=notify):
            await office.seen(second, "ready")
            assert office.records.find_open(first.job_id), "it is still being told"
            listens.set()
            await until(lambda: _no(office.queue, first), 3)
            await until(lambda: _no(office.queue, second), 3)
        assert await office.redis.keys("farm:queue:busy") == []


class TestCancel:
    @pytest.mark.parametrize("deaf", [False, True])
    async def test_a_running_job_ends_within_a_second(self, office: Office, working: Working, deaf: bool) -> None:
        job = await office.submit(a_job(seconds=5.0 if deaf else 60.0, deaf=deaf))
        async with working():
            await office.seen(job, "processing")
            asked_s = time.monotonic()
            await office.jobs.cancel(job.job_id)
            failed = await office.seen(job, "failed")
            took_s = time.monotonic() - asked_s
        assert took_s < 1.0
        assert (failed.reason, failed.result) == ("cancelled", None)
        assert made_by(office, job) is None
        assert (await office.events(job))[-1] == "failed"
        assert await office.board.cancels() == set()

    async def test_what_a_deaf_thread_does_later_has_no_effect(self, office: Office, working: Working) -> None:
        job = await office.submit(a_job(seconds=1.2, deaf=True))
        async with working() as dispatcher:
            await office.seen(job, "processing")
            await office.jobs.cancel(job.job_id)
            failed = await office.seen(job, "failed")

            async def ended() -> bool:
                return dispatcher.free_slots == 2

            await until(ended, 5)
        assert made_by(office, job) is None
        assert office.records.find(job.job_id) == failed

    async def test_a_waiting_job_ends_though_no_slot_is_free(self, office: Office, working: Working) -> None:
        running = await office.submit(a_job(seconds=60))
        async with working(slots=1):
            await office.seen(running, "processing")
            waiting = await office.submit()
            await office.jobs.cancel(waiting.job_id)
            failed = await office.seen(waiting, "failed", within_s=1.0)
        assert (failed.reason, tries(office, waiting)) == ("cancelled", 0)

    async def test_a_finished_job_stays_and_the_wish_is_forgotten(self, office: Office, working: Working) -> None:
        job = await office.submit()
        async with working():
            await office.seen(job, "ready")
            await until(lambda: _no(office.queue, job), 3)
            await office.jobs.cancel(job.job_id)

            async def forgotten() -> bool:
                return not await office.board.cancels()

            await until(forgotten, 5)
        assert (await office.seen(job, "ready")).status == "ready"

    async def test_a_job_between_two_tries_is_cancelled(self, office: Office, working: Working) -> None:
        job = await office.submit(a_job(errors=["outage"]))
        async with working(retry_pauses_s=(60.0,)):
            await until(lambda: _tried(office, job), 3)
            await office.jobs.cancel(job.job_id)
            assert (await office.seen(job, "failed", within_s=1.0)).reason == "cancelled"

    async def test_a_job_that_waits_for_its_cluster_is_cancelled(self, office: Office, working: Working) -> None:
        job = await office.submit(a_job(errors=["unreachable"]))
        async with working(cluster_pauses_s=(60.0,)):
            await until(lambda: _tried(office, job), 3)
            await office.jobs.cancel(job.job_id)
            assert (await office.seen(job, "failed", within_s=1.0)).reason == "cancelled"


async def _tried(office: Office, job: Job) -> bool:
    return tries(office, job) > 0


class TestStop:
    async def test_a_job_that_waits_for_its_cluster_goes_back_too(self, office: Office, working: Working) -> None:
        job = await office.submit(a_job(errors=["unreachable"]))
        async with working(cluster_pauses_s=(60.0,)):
            await until(lambda: _tried(office, job), 3)
        back = office.records.find(job.job_id)
        assert back is not None
        assert (back.status, back.attempts) == ("queued", 0)

    async def test_jobs_go_back_as_if_not_begun(self, office: Office, working: Working) -> None:
        job = await office.submit(a_job(seconds=60))
        async with working():
            await office.seen(job, "processing")
        back = office.records.find(job.job_id)
        assert back is not None
        assert (back.status, back.attempts) == ("queued", 0)
        assert (await office.events(job))[-1] == "queued"
        claim = await office.queue.take("d2")
        assert claim is not None
        assert claim.job_id == job.job_id

    async def test_it_does_not_wait_for_what_does_not_end(self, office: Office, working: Working) -> None:
        job = await office.submit(a_job(seconds=8.0, deaf=True))
        async with working():
            await office.seen(job, "processing")
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 2
        assert (await office.seen(job, "queued")).attempts == 0


class TestTheStoreGoesAway:
    async def test_that_is_counted_though_no_job_can_say_so_and_the_job_ends_ready_later(
        self, office: Office, working: Working, tmp_path: Path
    ) -> None:
        job = await office.submit()
        failures: list[float] = []
        elsewhere = tmp_path.rename(tmp_path.with_name("elsewhere"))
        tmp_path.symlink_to(tmp_path)   # every look at it is an error of the system

        async def counted() -> bool:
            return len(failures) >= 3

        async with working(store_failed=lambda: failures.append(time.monotonic())):
            await until(counted)
            tmp_path.unlink()
            elsewhere.rename(tmp_path)
            await office.seen(job, "ready", within_s=20)
        assert tries(office, job) == 1


class TestRedisGoesAway:
    @pytest.mark.parametrize("data", ["all", "saved", "none"])
    async def test_and_comes_back_and_the_job_ends_ready(
        self, office: Office, working: Working, valkey: Valkey, data: Data
    ) -> None:
        valkey.save()
        job = await office.submit(a_job(seconds=1.5))
        async with working():
            await office.seen(job, "processing")
            await asyncio.to_thread(valkey.restart, data)
            ready = await office.seen(job, "ready", within_s=20)
            await until(lambda: _no(office.queue, job), 10)
        assert made_by(office, job) == ready.epoch
        assert office.records.find(job.job_id) == ready
        assert await office.queue.depth() == {"preview": 0, "export": 0}
        if data == "all":
            assert tries(office, job) == 1

    async def test_for_longer_than_a_lease_and_the_job_is_not_begun_again(
        self, office: Office, working: Working, valkey: Valkey
    ) -> None:
        job = await office.submit(a_job(seconds=0.5))
        async with working():
            await office.seen(job, "processing")
            valkey.save()
            await asyncio.to_thread(valkey.kill)
            await asyncio.sleep(2 * LEASE_S)   # what is asserted is that this time passes without harm
            await asyncio.to_thread(valkey.start)
            await office.seen(job, "ready", within_s=20)
        assert tries(office, job) == 1

    async def test_older_data_do_not_bring_an_ended_job_back(
        self, office: Office, working: Working, valkey: Valkey
    ) -> None:
        job = await office.submit()
        valkey.save()
        async with working():
            ready = await office.seen(job, "ready")
            await until(lambda: _no(office.queue, job), 3)
            await asyncio.to_thread(valkey.restart, "saved")
            await office.seen(job, "ready", within_s=20)
            await until(lambda: _no(office.queue, job), 10)
        assert tries(office, job) == 1
        assert office.records.find(job.job_id) == ready

    async def test_without_data_open_jobs_are_found_in_the_store_alone(
        self, office: Office, working: Working, valkey: Valkey
    ) -> None:
        jobs = [await office.submit(a_job(recording=f"r{n}")) for n in range(3)]
        await asyncio.to_thread(valkey.restart, "none")
        async with working():
            for job in jobs:
                await office.seen(job, "ready")

    async def test_for_good_and_the_dispatcher_can_still_be_stopped(
        self, office: Office, valkey: Valkey
    ) -> None:
        job = await office.submit(a_job(seconds=60))
        dispatcher = Dispatcher(house_of(office), "d1", 2, hurry(LEASE_S))
        task = asyncio.create_task(dispatcher.run())
        await office.seen(job, "processing")
        await asyncio.to_thread(valkey.kill)
        began_s = time.monotonic()
        dispatcher.stop()
        await task
        assert time.monotonic() - began_s < 8
        assert office.records.find(job.job_id) is not None
