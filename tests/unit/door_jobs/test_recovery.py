"""What a sweep brings back, and what it clears away."""

from __future__ import annotations

import asyncio

import pytest

from scheduler_api.jobs.recovery import Recovery
from tests.support.jobs import Office, a_job
from tests.support.valkey import Valkey

pytestmark = pytest.mark.anyio


@pytest.fixture
def recovery(office: Office) -> Recovery:
    return Recovery(office.records, office.board, office.queue)


async def test_open_jobs_are_queued_again_with_what_they_had(
    office: Office, recovery: Recovery, valkey: Valkey
) -> None:
    waiting = await office.submit(a_job().changed(a_job().created_at, idempotency="k1"))
    begun = await office.submit()
    office.records.put(begun.moved("processing", begun.created_at, epoch=9_000_000_000_000_000, attempts=3))
    await asyncio.to_thread(valkey.restart, "none")
    assert sorted(await recovery.sweep()) == sorted([waiting.job_id, begun.job_id])
    assert await recovery.sweep() == []
    claims = {claim.job_id: claim for claim in [await office.queue.take("d1") for _ in range(2)] if claim}
    assert claims[begun.job_id].epoch > 9_000_000_000_000_000
    assert waiting.job_id in claims
    found = await office.jobs.made_by("k1")
    assert found is not None
    assert found.job_id == waiting.job_id


async def test_what_the_queue_knows_is_left_alone(office: Office, recovery: Recovery) -> None:
    await office.submit()
    await office.submit()
    assert await office.queue.take("d1")
    assert await recovery.sweep() == []


async def test_the_marker_of_an_unmade_job_goes_at_the_second_look(office: Office, recovery: Recovery) -> None:
    job = await office.submit()
    office.store.delete(f"rooms/room-1/rec-1/jobs/{job.job_id}.json")
    await office.redis.flushall()
    await recovery.sweep()
    assert list(office.records.open_ids()) == [job.job_id]
    await recovery.sweep()
    assert list(office.records.open_ids()) == []


async def test_a_job_in_the_making_is_not_cleared_away(office: Office, recovery: Recovery) -> None:
    job = await office.submit()
    record = f"rooms/room-1/rec-1/jobs/{job.job_id}.json"
    office.store.delete(record)
    await office.redis.flushall()
    await recovery.sweep()
    office.store.put(record, job.to_json())
    assert await recovery.sweep() == [job.job_id]


async def test_a_board_that_is_behind_is_told_the_end(office: Office, recovery: Recovery) -> None:
    job = await office.submit()
    ended = job.moved("failed", job.created_at, epoch=7, reason="cancelled")
    office.records.put(ended)
    office.records.close(job.job_id)
    await recovery.sweep()
    assert await office.board.get(job.job_id) == ended
    assert (await office.events(job))[-1] == "failed"
    await recovery.sweep()
    assert (await office.events(job)).count("failed") == 1


async def test_a_shown_job_without_a_record_is_taken_down(office: Office, recovery: Recovery) -> None:
    job = a_job()
    await office.board.put(job)
    await recovery.sweep()
    assert await office.board.get(job.job_id) is None
    assert await office.board.open_ids() == set()


async def test_wishes_to_cancel_what_is_over_are_forgotten(office: Office, recovery: Recovery) -> None:
    job = await office.submit()
    for job_id in (job.job_id, "job-of-old"):
        await office.jobs.cancel(job_id)
    await recovery.sweep()
    assert await office.board.cancels() == {job.job_id}


async def test_a_record_that_cannot_be_read_does_not_stop_the_sweep(office: Office, recovery: Recovery) -> None:
    bad, good = await office.submit(), await office.submit()
    office.store.put(f"rooms/room-1/rec-1/jobs/{bad.job_id}.json", b"{}")
    await office.redis.flushall()
    assert await recovery.sweep() == [good.job_id]
