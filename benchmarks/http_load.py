"""A client that costs little: keep-alive connections that each ask, wait for the whole answer, and ask again.

    figures = await load(host, port, requests, connections=32, seconds=3)     # of bytes, taken in turn

Written on asyncio's protocols, so that on two cores the server is what is measured. Answers must have a Content-Length.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
WARM_UP_S = 0.5


@dataclass
class Tally:
    """What came back: seconds of each answer, bytes of bodies, answers by status."""

    seconds: list[float] = field(default_factory=list)
    body_bytes: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    wall_s: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.wall_s

    @property
    def mb_per_second(self) -> float:
        return self.body_bytes / self.wall_s / 1e6

    def percentile_ms(self, share: float) -> float:
        return float(np.percentile(self.seconds, share)) * 1000

    def figures(self) -> dict[str, float | dict[int, int]]:
        """To print."""
        return {
            "per_second": round(self.per_second, 1),
            "p50_ms": round(self.percentile_ms(50), 2),
            "p99_ms": round(self.percentile_ms(99), 2),
            "statuses": self.statuses,
        }


def request(method: str, path: str, **headers: str) -> bytes:
    """A request without a body, as bytes."""
    told = {"Host": "127.0.0.1", "Content-Length": "0"} | {name.replace("_", "-"): v for name, v in headers.items()}
    return "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{n}: {v}" for n, v in told.items()), "", ""]).encode()


async def load(host: str, port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Tally:
    """Asks on so many connections for so long, after a short warm-up that does not count. Ends with the requests."""
    run = _Run(requests, time.perf_counter() + WARM_UP_S, WARM_UP_S + seconds)
    loop = asyncio.get_running_loop()
    clients = [(await loop.create_connection(lambda: _Client(run), host, port))[1] for _ in range(connections)]
    await asyncio.gather(*(client.done for client in clients))
    run.tally.wall_s = run.last_s - run.from_s
    return run.tally


@dataclass
class _Run:
    """What the connections share."""

    requests: Iterator[bytes]
    from_s: float
    length_s: float
    tally: Tally = field(default_factory=Tally)
    last_s: float = 0.0

    def next(self) -> bytes | None:
        if time.perf_counter() > self.from_s - WARM_UP_S + self.length_s:
            return None
        return next(self.requests, None)

    def count(self, began_s: float, status: int, size: int) -> None:
        now = time.perf_counter()
        if began_s < self.from_s:
            return
        self.tally.seconds.append(now - began_s)
        self.tally.body_bytes += size
        self.tally.statuses[status] = self.tally.statuses.get(status, 0) + 1
        self.last_s = now


class _Client(asyncio.BufferedProtocol):
    """One connection. Bodies are counted, not kept."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._buffer = bytearray(1 << 18)
        self._head = b""
        self._left = -1
        """Bytes of the body that are still to come; -1 while the head is read."""
        self._size = self._status = 0
        self._began_s = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._left < 0:
            nbytes = self._read_head(nbytes)
        if self._left >= 0:
            self._left -= nbytes
            if self._left <= 0:
                self._run.count(self._began_s, self._status, self._size)
                self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))

    def _read_head(self, nbytes: int) -> int:
        """Takes bytes of the head; how many came that are of the body."""
        self._head += self._buffer[:nbytes]
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return 0
        head, rest = self._head[:end], len(self._head) - end - 4
        found = _LENGTH.search(head)
        assert found, head
        self._status, self._size = int(head[9:12]), int(found[1])
        self._left, self._head = self._size, b""
        return rest

    def _ask(self) -> None:
        asked = self._run.next()
        self._left = -1
        if asked is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._began_s = time.perf_counter()
        self._transport.write(asked)
