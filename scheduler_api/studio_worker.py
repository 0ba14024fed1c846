"""A worker process of the studio: plans, draws and decodes for one caller at a time, within limits.

Started by `studio_process` with a socket. Memory is limited by the kernel before anything is imported that reads a
stranger's bytes, and an alarm ends the process should it outlive its time, whatever library it is in. It has none
of the door's settings or secrets: the first frame brings what it needs. Ends when the socket does.
"""

from __future__ import annotations

import gc
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scheduler_api.studio_wire import LENGTHS, Header, describe_error, lengths, pack, parse_header

if TYPE_CHECKING:
    from farm.interactive import InteractiveSession, Place

_OPEN_FILES = 256
_COLLECT_EVERY = 200
"""Answers between two collections of garbage: plans are trees, and leave next to none."""


def main() -> None:
    """Answers frames until the socket ends."""
    limit_memory(int(sys.argv[2]))
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        first = receive(connection)
        if first is None:
            return
        worker = Worker(first[0])
        connection.sendall(pack({"ready": True}))
        gc.freeze()
        gc.disable()
        answered = 0
        while (request := receive(connection)) is not None:
            connection.sendall(worker.answer(*request))
            answered += 1
            if answered % _COLLECT_EVERY == 0:
                gc.collect()


def limit_memory(memory_bytes: int) -> None:
    """From now on this process cannot have more private memory; nor dump it, nor open many files."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))


def receive(connection: socket.socket) -> tuple[Header, bytes] | None:
    """The next frame; None when the other end is gone."""
    start = _read(connection, LENGTHS.size)
    if not start:
        return None
    header, body = lengths(start)
    return parse_header(_read(connection, header)), _read(connection, body)


def _read(connection: socket.socket, count: int) -> bytes:
    """`count` bytes; none at all when the other end is gone."""
    data = bytearray(count)
    view, at = memoryview(data), 0
    while at < count:
        got = connection.recv_into(view[at:])
        if not got:
            return b""
        at += got
    return bytes(data)


class Worker:
    """What each kind of request does."""

    def __init__(self, first: Header) -> None:
        self._session = _session(first["settings"])
        self._kinds: dict[str, Callable[[Header, bytes], bytes]] = {
            "plan": self._plan,
            "still": self._still,
            "forecast": self._forecast,
            "image": self._image,
        }

    def answer(self, header: Header, body: bytes) -> bytes:
        """The frame that answers: a result, or an error."""
        signal.setitimer(signal.ITIMER_REAL, header["limit_s"])
        try:
            return pack({}, self._kinds[header["kind"]](header, body))
        except Exception as error:
            return pack({"error": describe_error(error)})
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _plan(self, header: Header, body: bytes) -> bytes:
        from compositing.times import Span

        window = Span(*header["window_ms"]) if header["window_ms"] is not None else None
        return self._session.plan(_place(header), body, window)

    def _still(self, header: Header, body: bytes) -> bytes:
        return self._session.still(_place(header), body, header["at_s"], header["form"])

    def _forecast(self, header: Header, body: bytes) -> bytes:
        return self._session.forecast(_place(header), body, header["preset"], header["format"], header["workers"])

    def _image(self, header: Header, body: bytes) -> bytes:
        from compositing.assets import decode_asset

        image = decode_asset(header["name"], body)
        return f"{image.width} {image.height}".encode()


def _session(settings: dict[str, Any]) -> InteractiveSession:
    """Imports what decodes and draws: two thirds of a second, once."""
    import time

    from compositing.threads import use_one_thread
    from farm.interactive import InteractiveSession
    from farm.settings import FarmSettings

    use_one_thread()
    dirs = tuple(map(Path, settings.pop("font_dirs")))
    return InteractiveSession(FarmSettings(**settings, font_dirs=dirs), time.monotonic)


def _place(header: Header) -> Place:
    from farm.interactive import Place
    from storage.contract import StoreSpec

    return Place(StoreSpec(*header["store"]), header["room_id"], header["recording_id"])


if __name__ == "__main__":
    main()
