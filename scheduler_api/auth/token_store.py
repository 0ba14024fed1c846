"""Which composition tokens are unused, in Redis: noted when issued, taken away once, given back at most once.

Takes SHA-256 digests, never tokens. All is decided inside Redis by one script for each step, so any number of
processes and services see one order. Promises:

- Of any number of concurrent takes of one digest exactly one succeeds.
- A Redis that comes back with older data revives nothing. Each note holds the *reign* in which it was written: the
  server's run_id, new at every start, and its replication id, new at every promotion of a replica and at a restart.
  A note of another reign is as good as none. So a restart, a restored snapshot and a failover (whose replica may not
  have heard of the last takes) all end the tokens of before: their holders ask for new ones.
- When Redis does not answer, nothing is taken and nothing is allowed: QueueUnavailable.

redis-py repeats a command whose answer was lost. A repeated take finds the receipt of its own first try and succeeds.
Must not know JWTs, nor what a token is for.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from scheduler_api.errors import QueueUnavailable

GIVE_BACK_MS: Final = 60_000
"""For how long after its use a token can be given back."""

_REIGN: Final = """
local function reign()
  return redis.call('INFO', 'server'):match('run_id:(%x+)')
    .. redis.call('INFO', 'replication'):match('master_replid:(%x+)')
end
"""

# KEYS: note.   ARGV: lifetime in ms.
_NOTE: Final = _REIGN + "redis.call('SET', KEYS[1], reign(), 'PX', ARGV[1])"

# KEYS: note, receipt.   ARGV: the receipt's lifetime in ms.   Gives 1 if the token was there.
_TAKE: Final = (
    _REIGN
    + """
if redis.call('EXISTS', KEYS[2]) == 1 then return 1 end
local ends_ms = redis.call('PEXPIRETIME', KEYS[1])
if redis.call('GETDEL', KEYS[1]) ~= reign() then return 0 end
redis.call('SET', KEYS[2], reign() .. ' ' .. ends_ms, 'PX', ARGV[1])
return 1
"""
)

# KEYS: receipt, note.   Gives 1 if the token can be used again.
_GIVE_BACK: Final = (
    _REIGN
    + """
local receipt = redis.call('GETDEL', KEYS[1])
if not receipt then return 0 end
local written, ends_ms = receipt:match('^(%x+) (%d+)$')
local time = redis.call('TIME')
if written ~= reign() or tonumber(ends_ms) <= time[1] * 1000 + time[2] / 1000 then return 0 end
redis.call('SET', KEYS[2], written, 'PXAT', ends_ms)
return 1
"""
)

_RECEIPT: Final = re.compile(r"([0-9a-f]{64})\.([A-Za-z0-9_-]{22})")


class TokenStore:
    """The notes of unused tokens. Every method raises QueueUnavailable when Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._note = redis.register_script(_NOTE)
        self._take = redis.register_script(_TAKE)
        self._give_back = redis.register_script(_GIVE_BACK)

    async def note(self, sha256: str, ttl_ms: int) -> None:
        """The token with this digest is unused, for `ttl_ms` milliseconds."""
        await _asked(self._note([_note_key(sha256)], [ttl_ms]))

    async def take(self, sha256: str) -> str | None:
        """Takes the token away and gives the receipt of it; None: it is not there (any more)."""
        receipt = f"{sha256}.{secrets.token_urlsafe(16)}"
        taken = await _asked(self._take([_note_key(sha256), _receipt_key(receipt)], [GIVE_BACK_MS]))
        return receipt if taken == 1 else None

    async def give_back(self, receipt: str) -> bool:
        """Makes the token of this receipt usable until its own end; a receipt works once, for 60 s."""
        match = _RECEIPT.fullmatch(receipt)
        if match is None:
            return False
        return await _asked(self._give_back([_receipt_key(receipt), _note_key(match[1])])) == 1


def _note_key(sha256: str) -> str:
    return f"farm:token:{sha256}"


def _receipt_key(receipt: str) -> str:
    return f"farm:receipt:{receipt}"


async def _asked(reply: object) -> object:
    try:
        return await cast(Awaitable[object], reply)
    except (RedisError, OSError) as error:
        raise QueueUnavailable(f"{type(error).__name__}: {error}") from error
