"""The client of Redis: patient over a restart, fair to many callers, and not patient for ever."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from scheduler_api.redis_client import MAX_CONNECTIONS, redis_client
from tests.support.auth import run
from tests.support.valkey import Valkey


def test_a_restart_is_no_error(valkey: Valkey) -> None:
    async def work() -> None:
        async with redis_client(valkey.url) as client:
            await asyncio.gather(*(client.incr("n") for _ in range(200)))
            valkey.restart("all")
            await asyncio.gather(*(client.incr("n") for _ in range(200)))
            assert await client.get("n") == b"400"

    run(work())


def test_more_callers_than_connections_wait_for_one(valkey: Valkey) -> None:
    async def work() -> None:
        async with redis_client(valkey.url) as client:
            await asyncio.gather(*(client.incr("n") for _ in range(20 * MAX_CONNECTIONS)))
            assert await client.get("n") == str(20 * MAX_CONNECTIONS).encode()
            assert valkey.connections() <= MAX_CONNECTIONS

    run(work())


def test_who_asks_while_redis_is_down_knows_in_seconds(valkey: Valkey) -> None:
    async def work() -> None:
        async with redis_client(valkey.url) as client:
            valkey.kill()
            began = time.monotonic()
            with pytest.raises(RedisConnectionError):
                await client.ping()
            assert time.monotonic() - began < 5
            valkey.start()
            assert await client.ping()

    run(work())


def test_who_asks_a_redis_that_hangs_knows_in_seconds() -> None:
    async def work(port: int) -> None:
        async with redis_client(f"redis://127.0.0.1:{port}/0") as client:
            began = time.monotonic()
            with pytest.raises(RedisTimeoutError):
                await client.ping()
            assert time.monotonic() - began < 10

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        run(work(deaf.getsockname()[1]))
