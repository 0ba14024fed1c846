"""The live state of jobs in Redis: what a request or a page sees, and how it is told of changes.

A copy of the records with the progress in it, and the events of each job. All of it may be lost: `Jobs` reads the
records then and puts them up again. A state with a lower epoch than the one that is up, or one that would revive a
finished job, is refused: a dispatcher that was believed dead cannot change what its successor has written.

Must not know storage. Raises redis.exceptions.RedisError.

    farm:job:{job id}                  hash: epoch, finished, record; a finished job is forgotten after a day
    farm:jobs:{room}/{recording}       sorted set: job id by when it was created; complete while …:complete is there
    farm:jobs:open                     set of the ids of jobs that are up and not finished
    farm:events:{job id}               stream: one field, the event as JSON; bounded, gone after a day
    farm:cancels                       set of the ids of jobs that shall stop
    farm:idempotency:{hash}            job id
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from redis.asyncio import Redis

from farm.job import Job
from scheduler_api.jobs.messages import Event
from scheduler_api.jobs.replies import text

OPEN_JOBS = "farm:jobs:open"
CANCELS = "farm:cancels"

KEPT_S = 24 * 3600
"""How long a finished job and the events of any job stay up."""

COMPLETE_S = 600
"""How long the list of a recording's jobs is believed to be complete: a Redis that came back with older data may lack
some."""

MAX_EVENTS = 10_000
"""Events kept for each job: hours of progress."""

# KEYS: job, list, open.   ARGV: epoch, finished, record, job id, created ms, kept s.
_PUT = """
local known = redis.call('HMGET', KEYS[1], 'epoch', 'finished')
local newer = known[1] and tonumber(known[1]) > tonumber(ARGV[1])
local revives = known[2] == '1' and ARGV[2] == '0' and tonumber(known[1]) >= tonumber(ARGV[1])
if newer or revives then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'finished', ARGV[2], 'record', ARGV[3])
if ARGV[2] == '1' then
  redis.call('EXPIRE', KEYS[1], ARGV[6])
  redis.call('SREM', KEYS[3], ARGV[4])
else
  redis.call('PERSIST', KEYS[1])
  redis.call('SADD', KEYS[3], ARGV[4])
end
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
return 1
"""


class JobBoard:
    """The live state in one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._put = redis.register_script(_PUT)

    # ---- states ------------------------------------------------------------------------------------------

    async def put(self, job: Job) -> bool:
        """Puts up the state of a job; False where a later owner, or an end, is up already."""
        created_ms = round(job.created_at.timestamp() * 1000)
        keys = [_job_key(job.job_id), _list_key(job.room_id, job.recording_id), OPEN_JOBS]
        return bool(
            await self._put(
                keys=keys, args=[job.epoch, int(job.finished), job.to_json(), job.job_id, created_ms, KEPT_S]
            )
        )

    async def get(self, job_id: str) -> Job | None:
        """The state that is up; None for a job that is not."""
        record = await self._redis.hget(_job_key(job_id), "record")
        return Job.from_json(record) if record else None

    async def open_ids(self) -> set[str]:
        """The jobs that are up and not finished."""
        return {text(job_id) for job_id in await self._redis.smembers(OPEN_JOBS)}

    async def of_recording(self, room_id: str, recording_id: str) -> list[Job] | None:
        """All jobs of a recording, the oldest first; None where the list may lack some: then the records tell."""
        ids = await self._redis.zrange(_list_key(room_id, recording_id), 0, -1)
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.exists(_complete_key(room_id, recording_id))
            for job_id in ids:
                pipeline.hget(_job_key(text(job_id)), "record")
            complete, *records = await pipeline.execute()
        return [Job.from_json(record) for record in records] if complete and all(records) else None

    async def list_is_complete(self, room_id: str, recording_id: str) -> None:
        """All jobs of the recording that have a record were put up: `of_recording` may answer for a while, and the
        list forgets the others."""
        await self._take_off_missing(_list_key(room_id, recording_id))
        await self._redis.set(_complete_key(room_id, recording_id), 1, ex=COMPLETE_S)

    async def _take_off_missing(self, list_key: str) -> None:
        ids = [text(job_id) for job_id in await self._redis.zrange(list_key, 0, -1)]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for job_id in ids:
                pipeline.exists(_job_key(job_id))
            shown = await pipeline.execute()
        if missing := [job_id for job_id, there in zip(ids, shown, strict=True) if not there]:
            await self._redis.zrem(list_key, *missing)

    async def drop(self, job: Job) -> None:
        """Takes down a job that never was."""
        async with self._redis.pipeline() as pipeline:
            pipeline.zrem(_list_key(job.room_id, job.recording_id), job.job_id)
            pipeline.srem(OPEN_JOBS, job.job_id)
            pipeline.delete(_job_key(job.job_id), events_key(job.job_id))
            await pipeline.execute()

    # ---- events ------------------------------------------------------------------------------------------

    async def publish(self, job_id: str, event: Event) -> None:
        """Adds an event for all who listen now or come later."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.xadd(events_key(job_id), {"event": json.dumps(event)}, maxlen=MAX_EVENTS)
            pipeline.expire(events_key(job_id), KEPT_S)
            await pipeline.execute()

    # ---- cancel ------------------------------------------------------------------------------------------

    async def request_cancel(self, job_id: str) -> None:
        """Asks whoever has the job, or takes it, to stop it."""
        await self._redis.sadd(CANCELS, job_id)

    async def cancel_requested(self, job_id: str) -> bool:
        """Whether somebody wants the job to stop."""
        return bool(await self._redis.sismember(CANCELS, job_id))

    async def cancels(self) -> set[str]:
        """The jobs that shall stop and have not yet."""
        return {text(job_id) for job_id in await self._redis.smembers(CANCELS)}

    async def forget_cancels(self, job_ids: Iterable[str]) -> None:
        """These jobs have ended: nobody needs to stop them any more."""
        if ids := list(job_ids):
            await self._redis.srem(CANCELS, *ids)

    # ---- idempotency -------------------------------------------------------------------------------------

    async def remember(self, key_hash: str, job_id: str, ttl_s: int = KEPT_S) -> str | None:
        """Notes that this key made this job, unless it made another one before: then that one's id.

        Asked again for the same job, it gives the same answer: the first may have got lost on its way.
        """
        found = await self._redis.set(f"farm:idempotency:{key_hash}", job_id, nx=True, get=True, ex=ttl_s)
        return text(found) if found and text(found) != job_id else None

    async def keep_key(self, key_hash: str) -> None:
        """The job that this key made is there: it is remembered for as long as a job is."""
        await self._redis.expire(f"farm:idempotency:{key_hash}", KEPT_S)

    async def recall(self, key_hash: str) -> str | None:
        """The id of the job that this key made."""
        found = await self._redis.get(f"farm:idempotency:{key_hash}")
        return text(found) if found else None

    async def forget(self, key_hash: str) -> None:
        """The job that this key made came to nothing: the key may be used again."""
        await self._redis.delete(f"farm:idempotency:{key_hash}")


def _job_key(job_id: str) -> str:
    return f"farm:job:{job_id}"


def events_key(job_id: str) -> str:
    """The stream of a job's events."""
    return f"farm:events:{job_id}"


def _list_key(room_id: str, recording_id: str) -> str:
    return f"farm:jobs:{room_id}/{recording_id}"


def _complete_key(room_id: str, recording_id: str) -> str:
    return f"{_list_key(room_id, recording_id)}:complete"
