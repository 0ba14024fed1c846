"""Listeners of a job: all hear everything once, in order, wherever they come in; and few connections carry it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from farm.job import Job, Progress
from scheduler_api.jobs.hub import EventHub
from scheduler_api.jobs.messages import progress_event, status_event
from tests.support.jobs import Office, a_job, until
from tests.support.valkey import Valkey

pytestmark = pytest.mark.anyio


@pytest.fixture
async def hub(office: Office) -> AsyncIterator[EventHub]:
    hub = EventHub(office.redis, office.jobs.find)
    yield hub
    await hub.aclose()


def progress(job: Job, done: int) -> dict[str, object]:
    return progress_event(job.job_id, Progress(done=done, total=100, unit="tasks", fraction=done / 100))


async def end(office: Office, job: Job) -> None:
    ended = job.moved("failed", job.created_at, reason="cancelled")
    office.records.put(ended)
    await office.board.put(ended)
    await office.board.publish(job.job_id, status_event(ended))


async def heard(hub: EventHub, job: Job, last: str | None = None) -> list[tuple[str, object]]:
    """Ids with statuses, or with how much is done, until the end."""
    return [
        (event_id, event["status"] if event["type"] == "status" else event["done"])
        async for event_id, event in hub.listen(job.job_id, last)
    ]


async def test_who_comes_late_hears_it_from_the_beginning(office: Office, hub: EventHub) -> None:
    job = await office.submit()
    await office.board.publish(job.job_id, progress(job, 1))
    await end(office, job)
    assert [what for _, what in await heard(hub, job)] == ["queued", 1, "failed"]


async def test_who_comes_again_misses_nothing_and_hears_nothing_twice(office: Office, hub: EventHub) -> None:
    job = await office.submit()
    for done in range(5):
        await office.board.publish(job.job_id, progress(job, done))
    first: list[tuple[str, int]] = []
    async for event_id, event in hub.listen(job.job_id):
        if event["type"] == "progress":
            first.append((event_id, event["done"]))
            if len(first) == 3:
                break
    again = asyncio.create_task(heard(hub, job, first[-1][0]))
    await office.board.publish(job.job_id, progress(job, 5))
    await end(office, job)
    assert [what for _, what in await again] == [3, 4, 5, "failed"]


async def test_live_events_arrive_as_they_happen(office: Office, hub: EventHub) -> None:
    job = await office.submit()
    listening = hub.listen(job.job_id)
    assert (await anext(listening))[1]["status"] == "queued"
    for done in range(3):
        await office.board.publish(job.job_id, progress(job, done))
        _, event = await asyncio.wait_for(anext(listening), 2)
        assert event["done"] == done
    await listening.aclose()   # type: ignore[attr-defined]
    assert hub.listeners == 0


async def test_an_end_that_comes_while_the_listener_is_busy_is_heard(office: Office, hub: EventHub) -> None:
    job = await office.submit()
    slow, quick = hub.listen(job.job_id), hub.listen(job.job_id)
    assert (await anext(slow))[1]["status"] == "queued"
    await end(office, job)
    assert [event["status"] async for _, event in quick] == ["queued", "failed"]
    assert [event["status"] async for _, event in slow] == ["failed"]


async def test_listening_after_the_final_event_ends_at_once(office: Office, hub: EventHub) -> None:
    job = await office.submit()
    await end(office, job)
    last = (await heard(hub, job))[-1][0]
    assert await heard(hub, job, last) == []


@pytest.mark.parametrize("bad", ["", "abc", "-", "1", "1-", "1-2-3", "99999999999999999999-0", "१-१", "0-0"])
async def test_an_id_that_is_none_begins_at_the_beginning(office: Office, hub: EventHub, bad: str) -> None:
    job = await office.submit()
    await end(office, job)
    assert len(await heard(hub, job, bad)) == 2


async def test_a_job_that_does_not_exist_has_no_events(hub: EventHub) -> None:
    assert await asyncio.wait_for(heard(hub, a_job()), 2) == []


async def test_a_finished_job_whose_events_are_lost_tells_its_end(office: Office, hub: EventHub) -> None:
    job = await office.submit()
    await end(office, job)
    await office.redis.delete(f"farm:events:{job.job_id}")
    found = await asyncio.wait_for(heard(hub, job), 2)
    assert [what for _, what in found] == ["failed"]
    assert await asyncio.wait_for(heard(hub, job, found[-1][0]), 2) == []


async def test_an_end_that_redis_lost_ends_the_listening(
    office: Office, hub: EventHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler_api.jobs.hub.CHECK_S", 0.2)
    job = await office.submit()
    listening = asyncio.create_task(heard(hub, job))
    await until(lambda: _are(hub, 1), 2)
    office.records.put(job.moved("failed", job.created_at))
    await office.redis.flushall()
    assert [what for _, what in await asyncio.wait_for(listening, 5)] == ["queued", "failed"]


async def test_redis_may_go_away_and_come_back(office: Office, hub: EventHub, valkey: Valkey) -> None:
    job = await office.submit()
    listening = asyncio.create_task(heard(hub, job))
    await until(lambda: _are(hub, 1), 2)
    await asyncio.to_thread(valkey.restart, "none")
    await office.board.publish(job.job_id, progress(job, 7))
    await end(office, job)
    assert [what for _, what in await asyncio.wait_for(listening, 20)] == ["queued", 7, "failed"]


async def test_closing_ends_all_listening(office: Office, hub: EventHub) -> None:
    job = await office.submit()
    listening = [asyncio.create_task(heard(hub, job)) for _ in range(3)]
    await until(lambda: _are(hub, 3), 2)
    await hub.aclose()
    for task in listening:
        assert [what for _, what in await asyncio.wait_for(task, 2)] == ["queued"]


async def test_five_hundred_listeners_need_few_connections(office: Office, hub: EventHub, valkey: Valkey) -> None:
    jobs = [await office.submit() for _ in range(5)]
    listening = [asyncio.create_task(heard(hub, jobs[0])) for _ in range(500)]
    listening += [asyncio.create_task(heard(hub, job)) for job in jobs[1:] for _ in range(25)]
    await until(lambda: _are(hub, 600), 10)
    for done in range(20):
        for job in jobs:
            await office.board.publish(job.job_id, progress(job, done))
    connections = valkey.connections()
    for job in jobs:
        await end(office, job)
    found = await asyncio.wait_for(asyncio.gather(*listening), 20)
    assert {tuple(what for _, what in one) for one in found} == {("queued", *range(20), "failed")}
    assert connections <= 8
    assert hub.listeners == 0


async def test_events_are_bounded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler_api.jobs.board.MAX_EVENTS", 100)
    job = await office.submit()
    for _ in range(500):
        await office.board.publish(job.job_id, progress(job, 1))
    assert 100 <= await office.redis.xlen(f"farm:events:{job.job_id}") <= 200   # the server cuts by whole nodes


async def _are(hub: EventHub, listeners: int) -> bool:
    return hub.listeners == listeners
