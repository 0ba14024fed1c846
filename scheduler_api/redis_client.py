"""The client of Redis (7 or later) or Valkey that every process of the door uses: patient, but not for long.

A restart of Redis breaks every pooled connection at once; each is made anew and its command repeated, so callers see
a short delay and no error. More callers than connections wait for one. Who asks while Redis is down, or hangs, has its
error in a few seconds. So a command may run twice: what must not, is a script that tells its own repetition.
"""

from __future__ import annotations

from typing import Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import EqualJitterBackoff

MAX_CONNECTIONS: Final = 64
ANSWER_TIMEOUT_S: Final = 2.0
"""Longest wait for an answer: a blocking command must ask for less."""

_CONNECT_TIMEOUT_S: Final = 2.0
_RETRIES: Final = 2
_WAITS: Final = EqualJitterBackoff(base=0.2, cap=0.8)
"""Before the first retry 0.2 to 0.4 s, before the second 0.4 to 0.8 s: a quick restart fits in."""


def redis_client(url: str) -> Redis:
    """A client for `redis://host:port/db` (`rediss://`: TLS) or `unix:///path`; who asks for it closes it.

    Does not connect yet.
    """
    over_network = {} if url.startswith("unix:") else {"socket_keepalive": True}
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=ANSWER_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        socket_connect_timeout=_CONNECT_TIMEOUT_S,
        retry=Retry(_WAITS, _RETRIES),
        **over_network,
    )
    return Redis.from_pool(pool)
