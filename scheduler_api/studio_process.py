"""One worker process of the studio, seen from the API: started, asked, stopped.

It inherits no FARM_ variable, so no secret of the door; credentials of the store (AWS_*) it needs. What it is asked
it answers within its time, or it is killed. One question at a time.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from farm.forkserver import ONE_THREAD
from farm.settings import PREFIX, FarmSettings
from scheduler_api.studio_wire import LENGTHS, BrokenFrame, Header, lengths, pack, parse_header

_MODULE = "scheduler_api.studio_worker"
_READ_AHEAD_BYTES = 4 << 20
_START_S = 60.0
_GRACE_S = 1.0
"""The alarm inside the process goes off so much later than the patience of this one ends."""


class WorkerGone(Exception):
    """The process has died or was stopped before it answered."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may use for one question."""

    memory_bytes: int = 2 << 30
    seconds: float = 30.0
    """Of a plan or a still: enough to index half an hour of tracks that nobody has read before."""
    image_seconds: float = 5.0
    """Of an uploaded image."""


class StudioProcess:
    """A worker process; a new one is started where the last has died."""

    def __init__(self, settings: FarmSettings, limits: Limits) -> None:
        self._first = pack({"settings": _plain(settings)})
        self._memory_bytes = limits.memory_bytes
        self._process: asyncio.subprocess.Process | None = None
        self._ready = False
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Starts it if it does not run; what it imports is imported beside. Raises OSError."""
        if self.pid is not None and not self._reader.at_eof():
            return
        await self.stop()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", _MODULE, str(theirs.fileno()), str(self._memory_bytes),
                    pass_fds=[theirs.fileno()],
                    env=_environment(os.environ),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,   # decoders tell there, at length, what is wrong with a file
                    start_new_session=True,   # an interrupt at the terminal is for the server alone
                )  # fmt: skip
            self._reader, self._writer = await asyncio.open_connection(sock=ours, limit=_READ_AHEAD_BYTES)
        except BaseException:
            ours.close()
            raise
        self._ready = False
        self._writer.write(self._first)

    async def ask(self, header: Mapping[str, object], body: bytes, limit_s: float) -> tuple[Header, bytes]:
        """Its answer. Raises WorkerGone when it dies, takes longer than `limit_s`, or talks nonsense."""
        try:
            await self._awake()
            async with asyncio.timeout(limit_s):
                self._writer.write(pack({**header, "limit_s": limit_s + _GRACE_S}, body))
                await self._writer.drain()
                return await self._answer()
        except TimeoutError:
            await self.stop()
            raise WorkerGone(f"no answer within {limit_s if self._ready else _START_S:g} s") from None
        except (OSError, EOFError, BrokenFrame) as error:
            status = await self.stop()
            raise WorkerGone(f"it ended with status {status} ({type(error).__name__})") from None

    async def stop(self) -> int | None:
        """Kills it if it runs; its exit status."""
        process, self._process = self._process, None
        if process is None:
            return None
        with suppress(ProcessLookupError):
            process.kill()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        return await process.wait()

    async def _awake(self) -> None:
        """Returns when it has imported what it needs: that is not in the time of a question."""
        await self.start()
        if not self._ready:
            async with asyncio.timeout(_START_S):
                await self._answer()
            self._ready = True

    async def _answer(self) -> tuple[Header, bytes]:
        header, body = lengths(await self._reader.readexactly(LENGTHS.size))
        return parse_header(await self._reader.readexactly(header)), await self._reader.readexactly(body)


def _plain(settings: FarmSettings) -> Header:
    """The farm's settings as JSON; those that a subclass adds, secrets among them, stay here."""
    return settings.model_dump(mode="json", include=set(FarmSettings.model_fields))


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in ours.items() if not name.upper().startswith(PREFIX)} | ONE_THREAD
