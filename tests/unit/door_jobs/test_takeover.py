"""Dispatchers in processes of their own that are killed, stopped and continued: a job ends once, by one of them."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from pathlib import Path

import pytest

from farm.errors import StaleEpoch
from farm.job import Job
from scheduler_api.jobs.turn import MAX_ATTEMPTS, Turn
from tests.support.dispatching import dispatcher_process, house_of
from tests.support.jobs import Office, a_job, until
from tests.support.valkey import Data, Valkey

pytestmark = pytest.mark.anyio

LEASE_S = 1.0
TAKE_OVER_S = 6 * LEASE_S
"""Lease, a look at leases, a tick: with the real lease of 15 s it is 20 s."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def made_by(office: Office, job: Job) -> int:
    key = f"rooms/{job.room_id}/{job.recording_id}/processed/exports/{job.job_id}.mp4"
    return int(office.store.get(key))


async def test_a_killed_ones_job_is_taken_over(office: Office, valkey: Valkey, folder: Path) -> None:
    job = await office.submit(a_job(seconds=2.0))
    with dispatcher_process(valkey.url, folder, "d1", LEASE_S) as first:
        begun = await office.seen(job, "processing")
        with dispatcher_process(valkey.url, folder, "d2", LEASE_S):
            first.send_signal(signal.SIGKILL)
            killed_s = time.monotonic()

            async def taken_over() -> Job | None:
                found = await office.board.get(job.job_id)
                return found if found and found.epoch > begun.epoch else None

            again = await until(taken_over, TAKE_OVER_S)
            print(f"taken over after {time.monotonic() - killed_s:.1f} s with a lease of {LEASE_S} s")
            ready = await office.seen(job, "ready")
    assert (again.attempts, ready.epoch, made_by(office, job)) == (2, again.epoch, again.epoch)
    assert ready.started_at == begun.started_at
    assert (await office.events(job))[-1] == "ready"


async def test_a_stopped_and_continued_one_changes_nothing(office: Office, valkey: Valkey, folder: Path) -> None:
    job = await office.submit(a_job(seconds=1.0))
    with dispatcher_process(valkey.url, folder, "d1", LEASE_S) as first:
        begun = await office.seen(job, "processing")
        first.send_signal(signal.SIGSTOP)
        with dispatcher_process(valkey.url, folder, "d2", LEASE_S) as second:
            ready = await office.seen(job, "ready", within_s=2 * TAKE_OVER_S)
            assert ready.epoch > begun.epoch
            second.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(second.wait, 10) == 0
        events = await office.events(job)
        first.send_signal(signal.SIGCONT)
        other = await office.submit(a_job(recording="rec-2"))   # when this is done, the first has woken up fully
        await office.seen(other, "ready", within_s=TAKE_OVER_S)
        await asyncio.sleep(2 * LEASE_S)   # its thread comes to its fence, which is not to be seen from outside
    assert office.records.find(job.job_id) == ready
    assert await office.board.get(job.job_id) == ready
    assert made_by(office, job) == ready.epoch
    assert await office.events(job) == events


async def test_a_job_that_kills_its_process_each_time_is_given_up(
    office: Office, valkey: Valkey, folder: Path
) -> None:
    job = await office.submit(a_job(kill_at=MAX_ATTEMPTS + 1))
    deaths = 0
    while deaths < MAX_ATTEMPTS:
        with dispatcher_process(valkey.url, folder, f"d{deaths}", LEASE_S) as process:
            assert await asyncio.to_thread(process.wait, 3 * TAKE_OVER_S) == -signal.SIGKILL
        deaths += 1
    with dispatcher_process(valkey.url, folder, "last", LEASE_S):
        failed = await office.seen(job, "failed", within_s=TAKE_OVER_S)
    assert failed.reason == "abandoned"


@pytest.mark.parametrize("data", ["all", "none"])
async def test_dispatcher_and_redis_die_together(
    office: Office, valkey: Valkey, folder: Path, data: Data
) -> None:
    job = await office.submit(a_job(seconds=1.0))
    with dispatcher_process(valkey.url, folder, "d1", LEASE_S) as first:
        await office.seen(job, "processing")
        first.send_signal(signal.SIGKILL)
    await asyncio.to_thread(valkey.restart, data)
    with dispatcher_process(valkey.url, folder, "d2", LEASE_S):
        ready = await office.seen(job, "ready", within_s=2 * TAKE_OVER_S)
    assert (ready.attempts, made_by(office, job)) == (2, ready.epoch)


async def test_two_share_the_jobs_and_none_is_run_twice(office: Office, valkey: Valkey, folder: Path) -> None:
    jobs = [await office.submit(a_job(recording=f"r{n % 5}", seconds=0.05)) for n in range(20)]
    with dispatcher_process(valkey.url, folder, "d1", LEASE_S), dispatcher_process(valkey.url, folder, "d2", LEASE_S):
        for job in jobs:
            await office.seen(job, "ready", within_s=30)
    assert len(list(office.store.list("tries/"))) == len(jobs)


async def test_a_clean_stop_hands_over_at_once(office: Office, valkey: Valkey, folder: Path) -> None:
    job = await office.submit(a_job(seconds=1.0))
    with dispatcher_process(valkey.url, folder, "d1", 60.0) as first:
        await office.seen(job, "processing")
        with dispatcher_process(valkey.url, folder, "d2", 60.0):
            first.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(_status, first) == 0
            ready = await office.seen(job, "ready", within_s=10)   # no lease had to run out
    assert ready.attempts == 1


def _status(process: subprocess.Popen[bytes]) -> int:
    return process.wait(10)


async def test_a_late_write_is_put_right(office: Office) -> None:
    """The one write that no fence stops: its process slept between the comparison and the write itself."""
    job = await office.submit()
    old = await office.queue.take("d1")
    assert old is not None
    stale = job.moved("processing", job.created_at, epoch=old.epoch)
    newer = job.moved("processing", job.created_at, epoch=old.epoch + 1).moved("ready", job.created_at, result={})
    assert await office.board.put(newer)
    turn = Turn(old, house_of(office))
    with pytest.raises(StaleEpoch):
        await turn._write(stale)
    assert office.records.find(job.job_id) == newer
