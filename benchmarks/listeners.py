"""Many who follow one job over Server-Sent Events, each on a connection of its own, on one asyncio loop.

    crowd = await Crowd.gather(host, port, path, token, count=500)
    await crowd.heard(1)                  # until each has had one more event; crowd.times_s tells when

Only what a listener must do is done: the stream's lines are counted, not parsed.
"""

from __future__ import annotations

import asyncio
import time
from typing import Self

_EVENT = b"\ndata: "


class Crowd:
    """Open streams. `times_s` holds for each listener when its newest event came."""

    def __init__(self) -> None:
        self.listeners: list[_Listener] = []

    @classmethod
    async def gather(cls, host: str, port: int, path: str, user_token: str, count: int) -> Self:
        """Returns when all have had the event that is there already."""
        crowd, loop = cls(), asyncio.get_running_loop()
        head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {user_token}\r\n\r\n".encode()
        for _ in range(count):
            _, listener = await loop.create_connection(lambda: _Listener(head), host, port)
            crowd.listeners.append(listener)
        await crowd.heard(1)
        return crowd

    @property
    def times_s(self) -> list[float]:
        return [listener.last_s for listener in self.listeners]

    async def heard(self, events: int, within_s: float = 60.0) -> None:
        """Returns when each listener has had so many events in all."""
        until = time.perf_counter() + within_s
        while any(listener.events < events for listener in self.listeners):
            if time.perf_counter() > until:
                raise TimeoutError(f"{sum(one.events < events for one in self.listeners)} heard nothing")
            await asyncio.sleep(0.001)

    def close(self) -> None:
        for listener in self.listeners:
            listener.transport.close()


class _Listener(asyncio.Protocol):
    """One stream."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._tail = b""
        self.events = 0
        self.last_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        seen = self._tail + data
        self._tail = seen[-len(_EVENT) + 1 :]
        if found := seen.count(_EVENT):
            self.events += found
            self.last_s = time.perf_counter()
