"""People, keys and tokens for the tests of the door."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import multiprocessing
from collections.abc import Coroutine, Mapping
from multiprocessing.pool import AsyncResult
from typing import Any, TypeVar

from redis.asyncio import Redis

from scheduler_api.auth.access import Role, UserClaims
from scheduler_api.auth.jwts import Clock
from scheduler_api.auth.token_store import TokenStore
from scheduler_api.auth.tokens import CompositionTokens
from scheduler_api.errors import TokenRejected
from scheduler_api.redis_client import redis_client
from scheduler_api.secrets import Ring

ROOM, OTHER_ROOM = "room-a", "room-b"
RECORDING, OTHER_RECORDING = "recording-1", "recording-2"
NOW_S = 1_790_000_000.0
T = TypeVar("T")


def secret(name: str) -> str:
    """A strong secret, the same for the same name."""
    return hashlib.sha256(name.encode()).hexdigest()


USER_SECRET = secret("users")
COMPOSITION_RING: Ring = (("c2", secret("composition 2")), ("c1", secret("composition 1")))
MEDIA_RING: Ring = (("m2", secret("media 2")), ("m1", secret("media 1")))


class HandClock:
    """Unix time that passes when a test says so."""

    def __init__(self, now_s: float = NOW_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def person(
    sub: str = "ada",
    *,
    role: Role | None = None,
    room: str = ROOM,
    shelf: str | None = None,
    logged_in: bool = True,
) -> UserClaims:
    """Someone with a role in `room`, or who may open the shelf of a room, or neither."""
    return UserClaims(sub, logged_in, {room: role} if role else {}, frozenset({shelf} if shelf else ()))


def forged_jwt(header: Mapping[str, Any], claims: Mapping[str, Any], key: bytes | None = None) -> str:
    """A JWT put together by hand, so that nothing of a library keeps it decent: HMAC-SHA256, or unsigned."""
    head = f"{_base64url(json.dumps(header).encode())}.{_base64url(json.dumps(claims).encode())}"
    mac = hmac.new(key, head.encode(), hashlib.sha256).digest() if key is not None else b""
    return f"{head}.{_base64url(mac)}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs it in a new event loop."""
    return asyncio.run(coroutine)


Uses = tuple[int, int]
"""How many uses of a token succeeded, and how many were rejected; anything else is an exception."""


def use_from_processes(url: str, token: str, processes: int, uses_each: int, desks: int = 2) -> list[Uses]:
    """Uses one token `processes * uses_each` times at once, through `desks` services in each of the processes."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(processes) as pool:
        together = manager.Barrier(processes)
        pending: list[AsyncResult[Uses]] = [
            pool.apply_async(_use, (url, token, uses_each, desks, together)) for _ in range(processes)
        ]
        return [result.get(timeout=60) for result in pending]


def _use(url: str, token: str, uses: int, desks: int, together: Any) -> Uses:
    return asyncio.run(_use_concurrently(url, token, uses, desks, together))


async def _use_concurrently(url: str, token: str, uses: int, desks: int, together: Any) -> Uses:
    clients = [redis_client(url) for _ in range(desks)]
    for client in clients:
        await client.ping()
    services = [tokens_of(client) for client in clients]
    together.wait(30)
    outcomes = await asyncio.gather(*(_use_once(services[i % desks], token) for i in range(uses)))
    for client in clients:
        await client.aclose()
    return outcomes.count(True), outcomes.count(False)


async def _use_once(tokens: CompositionTokens, token: str) -> bool:
    try:
        await tokens.burn(tokens.check(token, "export:create", RECORDING))
    except TokenRejected:
        return False
    return True


def tokens_of(client: Redis, now: Clock | None = None) -> CompositionTokens:
    """A service's composition tokens over this Redis."""
    return CompositionTokens(TokenStore(client), COMPOSITION_RING, now or HandClock())
