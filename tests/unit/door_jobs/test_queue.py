"""The queue on a real server: fair, previews first, leased, fenced; and the same when it is asked twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from farm.job import Job, JobKind
from scheduler_api.jobs.queue import Claim, JobQueue
from tests.support.jobs import a_job, until
from tests.support.valkey import Valkey

pytestmark = pytest.mark.anyio


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    client = valkey.client()
    yield client
    await client.aclose()


@pytest.fixture
def queue(redis: Redis) -> JobQueue:
    return JobQueue(redis)


async def fill(queue: JobQueue, *jobs: tuple[str, JobKind, str]) -> dict[str, Job]:
    """Enqueues jobs given as (name, kind, recording); gives them by name."""
    made = {name: a_job(kind, recording) for name, kind, recording in jobs}
    for job in made.values():
        assert await queue.enqueue(job)
    return made


async def order(queue: JobQueue, made: dict[str, Job]) -> list[str]:
    """The names in the order in which they are taken, each finished before the next."""
    names = {job.job_id: name for name, job in made.items()}
    found = []
    while claim := await queue.take("d1"):
        found.append(names[claim.job_id])
        assert await queue.finish(claim)
    return found


async def test_jobs_of_a_recording_are_taken_in_their_order(queue: JobQueue) -> None:
    made = await fill(queue, *((f"{n}", "export", "r1") for n in range(5)))
    assert await order(queue, made) == ["0", "1", "2", "3", "4"]


async def test_recordings_take_turns_and_previews_go_first(queue: JobQueue) -> None:
    made = await fill(
        queue,
        *((f"a{n}", "export", "r1") for n in range(4)),
        ("b0", "export", "r2"),
        ("b1", "export", "r2"),
        ("c0", "export", "r3"),
        ("p0", "preview", "r1"),
        ("p1", "preview", "r1"),
        ("q0", "preview", "r2"),
    )
    assert await order(queue, made) == ["p0", "q0", "p1", "a0", "b0", "c0", "a1", "b1", "a2", "a3"]


async def test_recordings_of_one_id_in_two_rooms_are_two(queue: JobQueue) -> None:
    jobs = [a_job(room=room) for room in ("room-1", "room-1", "room-2")]
    for job in jobs:
        await queue.enqueue(job)
    taken = [await queue.take("d") for _ in jobs]
    assert [claim and claim.job_id for claim in taken] == [jobs[n].job_id for n in (0, 2, 1)]


async def test_kinds_may_be_left_out(queue: JobQueue) -> None:
    await fill(queue, ("e", "export", "r1"))
    assert await queue.take("d1", ("preview",)) is None
    assert await queue.take("d1", ("preview", "export")) is not None


async def test_one_preview_of_a_recording_at_a_time_others_go_on(queue: JobQueue) -> None:
    made = await fill(queue, ("p0", "preview", "r1"), ("p1", "preview", "r1"), ("q0", "preview", "r2"))
    first = await queue.take("d1")
    assert first is not None
    second = await queue.take("d2")
    assert second is not None
    assert (first.job_id, second.job_id) == (made["p0"].job_id, made["q0"].job_id)
    assert await queue.take("d3") is None
    assert await queue.finish(first)
    third = await queue.take("d3")
    assert third is not None
    assert third.job_id == made["p1"].job_id


async def test_a_preview_taken_out_of_turn_does_not_free_its_recording(queue: JobQueue) -> None:
    made = await fill(queue, ("p0", "preview", "r1"), ("p1", "preview", "r1"), ("p2", "preview", "r1"))
    assert await queue.take("d1")
    withdrawn = await queue.take_this("d2", made["p1"].job_id)
    assert withdrawn is not None
    assert await queue.finish(withdrawn)
    assert await queue.take("d3") is None


async def test_a_job_is_queued_once(queue: JobQueue) -> None:
    job = a_job()
    assert await queue.enqueue(job)
    assert not await queue.enqueue(job)
    claim = await queue.take("d1")
    assert not await queue.enqueue(job)
    assert await queue.take("d1") is None
    assert claim is not None
    await queue.finish(claim)
    assert await queue.enqueue(job)


async def test_each_taking_has_a_higher_epoch_also_after_all_was_forgotten(queue: JobQueue, redis: Redis) -> None:
    job, epochs = a_job(), [0]
    for _ in range(3):
        await queue.enqueue(job)
        for _ in range(2):
            claim = await queue.take("d1")
            assert claim is not None
            assert claim.epoch > epochs[-1]
            epochs.append(claim.epoch)
            await queue.give_back(claim)
        await redis.flushall()


async def test_an_epoch_is_above_the_records_even_if_the_clock_is_not(queue: JobQueue) -> None:
    far = 4_000_000_000_000_000
    await queue.enqueue(a_job().changed(a_job().created_at, epoch=far))
    claim = await queue.take("d1")
    assert claim is not None
    assert claim.epoch == far + 1


async def test_a_lease_that_is_renewed_is_kept_one_that_is_not_is_taken_over(redis: Redis) -> None:
    queue = JobQueue(redis, lease_s=0.3)
    kept, lost = (await fill(queue, ("kept", "export", "r1"), ("lost", "export", "r2"))).values()
    claims = [await queue.take("d1") for _ in range(2)]
    assert claims[0] is not None
    assert claims[1] is not None

    async def reaped() -> list[str]:
        assert claims[0] is not None
        assert await queue.renew(claims[0])
        return await queue.reap()

    assert await until(reaped, 3) == [lost.job_id]
    again = await queue.take("d2")
    assert again is not None
    assert again.job_id == lost.job_id
    assert again.epoch > claims[1].epoch
    assert not await queue.renew(claims[1])
    assert not await queue.finish(claims[1])
    assert not await queue.give_back(claims[1])
    assert await queue.renew(again)
    assert await queue.renew(claims[0])
    assert claims[0].job_id == kept.job_id


async def test_a_claim_is_worth_nothing_between_its_end_and_the_next(redis: Redis) -> None:
    queue = JobQueue(redis, lease_s=0.01)
    await queue.enqueue(a_job())
    claim = await queue.take("d1")
    assert claim is not None
    await until(queue.reap, 2)
    assert not await queue.renew(claim)
    assert not await queue.finish(claim)


async def test_a_job_taken_over_is_next_its_recording_too(redis: Redis) -> None:
    queue = JobQueue(redis, lease_s=0.01)
    made = await fill(queue, ("a0", "export", "r1"), ("a1", "export", "r1"), ("b0", "export", "r2"))
    assert await queue.take("d1")
    await until(queue.reap, 2)
    assert await order(JobQueue(redis), made) == ["a0", "b0", "a1"]


@pytest.mark.parametrize("then", ["finish", "give_back", "lost"])
async def test_a_line_goes_on_once_where_the_work_is_done(redis: Redis, then: str) -> None:
    queue = JobQueue(redis, lease_s=0.01 if then == "lost" else 15)
    made = await fill(queue, ("p0", "preview", "r1"), ("p1", "preview", "r1"), ("p2", "preview", "r1"))
    first = await queue.take("d1")
    assert first is not None
    assert await queue.take("d1") is None
    assert await queue.worked(first)
    assert await queue.worked(first)
    second = await JobQueue(redis).take("d1")
    assert second is not None
    assert second.job_id == made["p1"].job_id
    await until(queue.reap, 2) if then == "lost" else await getattr(queue, then)(first)
    assert await queue.take("d1") is None, "the second is at work"
    assert not await queue.worked(first)
    assert await queue.finish(second)
    third = await queue.take("d1")
    assert third is not None
    assert third.job_id == (made["p2"] if then == "finish" else made["p0"]).job_id


async def test_what_is_given_back_is_next(queue: JobQueue) -> None:
    made = await fill(queue, ("a0", "export", "r1"), ("b0", "export", "r2"))
    claim = await queue.take("d1")
    assert claim is not None
    assert await queue.give_back(claim)
    assert not await queue.give_back(claim)
    again = await queue.take("d1")
    assert again is not None
    assert again.job_id == made["a0"].job_id


async def test_a_waiting_job_is_taken_out_of_turn_once(queue: JobQueue) -> None:
    made = await fill(queue, ("a0", "export", "r1"), ("a1", "export", "r1"), ("b0", "export", "r2"))
    claim = await queue.take_this("d1", made["a1"].job_id)
    assert claim is not None
    assert claim.job_id == made["a1"].job_id
    assert await queue.take_this("d1", made["a1"].job_id) is None
    assert await queue.take_this("d1", "job-none") is None
    assert await queue.take_this("d1", made["b0"].job_id) is not None
    assert await order(queue, made) == ["a0"]


async def test_a_thousand_takers_share_a_hundred_jobs_without_a_double(queue: JobQueue) -> None:
    jobs = [a_job(recording=f"r{n % 7}") for n in range(100)]
    for job in jobs:
        await queue.enqueue(job)
    claims: list[Claim | None] = []
    for _ in range(10):
        claims += await asyncio.gather(*(queue.take(f"d{n}") for n in range(100)))
    found = [claim.job_id for claim in claims if claim]
    assert sorted(found) == sorted(job.job_id for job in jobs)


async def test_depth_and_age_tell_of_what_waits(queue: JobQueue) -> None:
    assert await queue.depth() == {"preview": 0, "export": 0}
    assert await queue.oldest_age_s() == 0
    await fill(queue, ("a0", "export", "r1"), ("a1", "export", "r1"), ("p0", "preview", "r1"))
    assert await queue.depth() == {"preview": 1, "export": 2}

    async def old() -> bool:
        return await queue.oldest_age_s() >= 0.1

    await until(old, 2)
    for _ in range(3):
        assert await queue.take("d1")
    assert await queue.depth() == {"preview": 0, "export": 0}
    assert await queue.oldest_age_s() == 0


async def test_unknown_are_those_that_neither_wait_nor_are_taken(queue: JobQueue) -> None:
    made = await fill(queue, ("a0", "export", "r1"), ("a1", "export", "r1"))
    assert await queue.take("d1")
    ids = [job.job_id for job in made.values()]
    assert await queue.unknown(["x", *ids, "y"]) == ["x", "y"]
    assert await queue.unknown([]) == []


async def test_when_all_is_done_nothing_is_left_behind(queue: JobQueue, redis: Redis) -> None:
    made = await fill(queue, *((f"{n}", ("preview", "export")[n % 2], f"r{n % 3}") for n in range(12)))  # type: ignore[misc]
    assert len(await order(queue, made)) == 12
    assert await redis.keys("*") == []
