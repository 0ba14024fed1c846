"""The queue of jobs in Redis: at least once, fair between recordings, previews first, fenced by epochs.

A job waits in the line of its recording. The lines of a kind stand in a ring: whoever takes, takes the first job of the
first line, and that line goes to the end of the ring. Previews are taken before exports, and of one recording one at a
time: they write to the same keys. What is taken is leased: who holds the lease renews it; when it runs out (`reap`) the
job goes to the front and another dispatcher takes it over.

Each taking gives the job a new epoch: the microseconds of Redis's clock, or one more than the last. So epochs rise even
when Redis has lost what it knew. Only the claim with the present epoch, and with its lease, can renew, finish or hand
back. All times are Redis's own: the clocks of dispatchers do not matter. Every step is one script, so none can be
half done; one whose answer was lost may be sent again.

Knows ids, kinds and recordings, no jobs; must not know storage. Raises redis.exceptions.RedisError.

    farm:queue:ring:{kind}                   list of the lines with something in them
    farm:queue:line:{kind}:{room}/{id}       list of job ids
    farm:queue:waiting:{kind}                sorted set: job id by when it was queued
    farm:queue:busy                          hash: how many jobs of a line of previews are at work
    farm:queue:leases                        sorted set: job id by when its lease runs out
    farm:queue:attended                      there while a dispatcher is at work
    farm:queue:job:{job id}                  hash: kind, line, queued_ms, epoch, owner; worked: its line goes on
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from redis.asyncio import Redis

from farm.job import KINDS, Job, JobKind
from scheduler_api.jobs.replies import text

LEASE_S = 15.0
"""How long a dispatcher may be silent before its jobs go to others."""

RENEW_S = 5.0
"""How often a lease is renewed, and others' are looked at."""

_PRELUDE = """
local function key(...) return table.concat({'farm:queue', ...}, ':') end
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local function now_ms() return math.floor(now_us() / 1000) end
local function wait(id, front)
  local at = key('job', id)
  local kind, line, queued_ms = unpack(redis.call('HMGET', at, 'kind', 'line', 'queued_ms'))
  local ring = key('ring', kind)
  if front then
    redis.call('LPUSH', line, id)
    redis.call('LREM', ring, 0, line)
    redis.call('LPUSH', ring, line)
  elseif redis.call('RPUSH', line, id) == 1 then
    redis.call('RPUSH', ring, line)
  end
  redis.call('ZADD', key('waiting', kind), queued_ms, id)
  redis.call('HSET', at, 'owner', '')
end
local function lease(id, owner, lease_ms)
  local at = key('job', id)
  local kind, line = unpack(redis.call('HMGET', at, 'kind', 'line'))
  if kind == 'preview' then redis.call('HINCRBY', key('busy'), line, 1) end
  local epoch = math.max(now_us(), redis.call('HGET', at, 'epoch') + 1)
  redis.call('HSET', at, 'epoch', epoch, 'owner', owner)
  redis.call('ZADD', key('leases'), now_ms() + lease_ms, id)
  return {id, epoch, kind}
end
local function free_line(id)
  local kind, line = unpack(redis.call('HMGET', key('job', id), 'kind', 'line'))
  if kind == 'preview' and redis.call('HINCRBY', key('busy'), line, -1) <= 0 then
    redis.call('HDEL', key('busy'), line)
  end
end
local function release(id)
  redis.call('ZREM', key('leases'), id)
  if redis.call('HDEL', key('job', id), 'worked') == 0 then free_line(id) end
end
local function holds(id, epoch)
  return redis.call('HGET', key('job', id), 'epoch') == epoch and redis.call('ZSCORE', key('leases'), id)
end
"""

# ARGV: id, kind, line, epoch.   Gives 0 for a job that is known.
_ENQUEUE = (
    _PRELUDE
    + """
local id, kind, line, epoch = unpack(ARGV)
local at = key('job', id)
if redis.call('EXISTS', at) == 1 then return 0 end
line = key('line', kind, line)
redis.call('HSET', at, 'kind', kind, 'line', line, 'queued_ms', now_ms(), 'epoch', epoch)
wait(id, false)
return 1
"""
)

# ARGV: owner, lease_ms, kind...   Gives id, epoch, kind, or nothing.
_TAKE = (
    _PRELUDE
    + """
for n = 3, #ARGV do
  local ring = key('ring', ARGV[n])
  for _ = 1, redis.call('LLEN', ring) do
    local line = redis.call('LPOP', ring)
    local id = redis.call('HEXISTS', key('busy'), line) == 0 and redis.call('LPOP', line)
    if redis.call('EXISTS', line) == 1 then redis.call('RPUSH', ring, line) end
    if id then
      redis.call('ZREM', key('waiting', ARGV[n]), id)
      return lease(id, ARGV[1], ARGV[2])
    end
  end
end
return false
"""
)

# ARGV: owner, lease_ms, id.   Gives id, epoch, kind, or nothing if the job does not wait.
_TAKE_THIS = (
    _PRELUDE
    + """
local id = ARGV[3]
local kind, line = unpack(redis.call('HMGET', key('job', id), 'kind', 'line'))
if not kind or redis.call('ZREM', key('waiting', kind), id) == 0 then return false end
redis.call('LREM', line, 0, id)
if redis.call('EXISTS', line) == 0 then redis.call('LREM', key('ring', kind), 0, line) end
return lease(id, ARGV[1], ARGV[2])
"""
)

# ARGV: id, epoch, lease_ms.
_RENEW = (
    _PRELUDE
    + """
if not holds(ARGV[1], ARGV[2]) then return 0 end
redis.call('ZADD', key('leases'), now_ms() + ARGV[3], ARGV[1])
return 1
"""
)

# ARGV: id, epoch.
_WORKED = (
    _PRELUDE
    + """
if not holds(ARGV[1], ARGV[2]) then return 0 end
if redis.call('HSETNX', key('job', ARGV[1]), 'worked', 1) == 1 then free_line(ARGV[1]) end
return 1
"""
)

# ARGV: id, epoch.
_FINISH = (
    _PRELUDE
    + """
if not holds(ARGV[1], ARGV[2]) then return 0 end
release(ARGV[1])
redis.call('DEL', key('job', ARGV[1]))
return 1
"""
)

# ARGV: id, epoch.
_GIVE_BACK = (
    _PRELUDE
    + """
if not holds(ARGV[1], ARGV[2]) then return 0 end
release(ARGV[1])
wait(ARGV[1], true)
return 1
"""
)

_REAP = (
    _PRELUDE
    + """
local late = redis.call('ZRANGEBYSCORE', key('leases'), '-inf', now_ms(), 'LIMIT', 0, 100)
for _, id in ipairs(late) do
  release(id)
  if redis.call('EXISTS', key('job', id)) == 1 then wait(id, true) end
end
return late
"""
)

# ARGV: kind...   Gives the age in ms of the job that waits longest.
_OLDEST = (
    _PRELUDE
    + """
local oldest = 0
for _, kind in ipairs(ARGV) do
  local first = redis.call('ZRANGE', key('waiting', kind), 0, 0, 'WITHSCORES')
  if first[2] then oldest = math.max(oldest, now_ms() - first[2]) end
end
return oldest
"""
)


_ATTENDED = "farm:queue:attended"


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that was taken, and by which taking."""

    job_id: str
    epoch: int
    kind: JobKind


class JobQueue:
    """The queue in one Redis. Any number of processes may use it at the same time."""

    def __init__(self, redis: Redis, *, lease_s: float = LEASE_S) -> None:
        self._redis = redis
        self._lease_ms = round(lease_s * 1000)
        self._enqueue = redis.register_script(_ENQUEUE)
        self._take = redis.register_script(_TAKE)
        self._take_this = redis.register_script(_TAKE_THIS)
        self._renew = redis.register_script(_RENEW)
        self._worked = redis.register_script(_WORKED)
        self._finish = redis.register_script(_FINISH)
        self._give_back = redis.register_script(_GIVE_BACK)
        self._reap = redis.register_script(_REAP)
        self._oldest = redis.register_script(_OLDEST)

    async def enqueue(self, job: Job) -> bool:
        """Puts the job at the end of its recording's line; False if it is known already, waiting or taken."""
        line = f"{job.room_id}/{job.recording_id}"
        return bool(await self._enqueue(args=[job.job_id, job.kind, line, job.epoch]))

    async def take(self, dispatcher_id: str, kinds: Iterable[JobKind] = KINDS) -> Claim | None:
        """The job whose turn it is, leased to this dispatcher; of several `kinds` the first goes first."""
        return _claim(await self._take(args=[dispatcher_id, self._lease_ms, *kinds]))

    async def take_this(self, dispatcher_id: str, job_id: str) -> Claim | None:
        """This job out of its turn; None if it does not wait."""
        return _claim(await self._take_this(args=[dispatcher_id, self._lease_ms, job_id]))

    async def renew(self, claim: Claim) -> bool:
        """Prolongs the lease; False if the claim is not valid any more: the job is somebody else's affair."""
        return bool(await self._renew(args=[claim.job_id, claim.epoch, self._lease_ms]))

    async def worked(self, claim: Claim) -> bool:
        """The job writes nothing more: its recording's next preview need not wait until it is finished; False if the
        claim is not valid any more."""
        return bool(await self._worked(args=[claim.job_id, claim.epoch]))

    async def finish(self, claim: Claim) -> bool:
        """The job is over and forgotten here; False if the claim is not valid any more."""
        return bool(await self._finish(args=[claim.job_id, claim.epoch]))

    async def give_back(self, claim: Claim) -> bool:
        """The job goes to the front of its line; False if the claim is not valid any more."""
        return bool(await self._give_back(args=[claim.job_id, claim.epoch]))

    async def reap(self) -> list[str]:
        """Puts the jobs whose leases have run out to the front; gives their ids."""
        return [text(job_id) for job_id in await self._reap()]

    async def unknown(self, job_ids: Iterable[str]) -> list[str]:
        """Those of `job_ids` that neither wait nor are taken."""
        ids = list(job_ids)
        async with self._redis.pipeline(transaction=False) as pipeline:
            for job_id in ids:
                pipeline.exists(f"farm:queue:job:{job_id}")
            known = await pipeline.execute()
        return [job_id for job_id, there in zip(ids, known, strict=True) if not there]

    async def attend(self) -> None:
        """A dispatcher is at work; this is known for as long as a lease lasts."""
        await self._redis.set(_ATTENDED, 1, px=self._lease_ms)

    async def is_attended(self) -> bool:
        """Whether any dispatcher was at work lately."""
        return bool(await self._redis.exists(_ATTENDED))

    async def depth(self) -> Mapping[JobKind, int]:
        """How many jobs wait, by kind."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for kind in KINDS:
                pipeline.zcard(f"farm:queue:waiting:{kind}")
            return dict(zip(KINDS, await pipeline.execute(), strict=True))

    async def oldest_age_s(self) -> float:
        """Since when the job that waits longest has waited; 0 if none waits."""
        return int(await self._oldest(args=list(KINDS))) / 1000


def _claim(found: list[bytes | int] | None) -> Claim | None:
    if not found:
        return None
    job_id, epoch, kind = found
    return Claim(text(job_id), int(epoch), "preview" if text(kind) == "preview" else "export")
