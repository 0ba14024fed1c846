"""Keeps programs running: starts them in stages, starts again what dies, ends them together in order.

Takes programs and where to print; promises that each runs, as far as it can, until SIGTERM or SIGINT, that none is
left afterwards, and that a program which keeps dying is started ever more slowly. A program says on a pipe when it is
ready (`scheduler_api.child`); the lines it says the first time are printed, those of one stage in the order of their
first words. If this process is killed, the programs notice by themselves. Must not know what the programs do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from scheduler_api.child import GRACE_S, READY, UNUSABLE

FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 10.0
"""How long to wait before starting a program again: doubled each time, up to the longest."""

SETTLED_S = 20.0
"""A program that lived as long is not held to be one that keeps dying."""

ORDER = ("API", "Dashboard", "Composer")
"""First words of lines, in the order in which they are printed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. It gets the number of the pipe for its report as last argument."""

    name: str
    arguments: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    fds: tuple[int, ...] = ()
    """Descriptors that it inherits."""


class Supervisor:
    """Runs `stages` of programs; the programs of a stage are started when all of the one before are ready."""

    def __init__(self, stages: Sequence[Sequence[Program]], say: Callable[[str], None]) -> None:
        self._stages = [[_Kept(program) for program in stage] for stage in stages]
        self._say = say
        self._stop = asyncio.Event()
        self._status = 0

    async def run(self) -> int:
        """Returns the exit status: 0 when told to stop, 1 when a program is unusable."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        starting = asyncio.create_task(self._start())
        await self._stop.wait()
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        for stage in reversed(self._stages):   # what the others need is there while they end
            await asyncio.gather(*(kept.end() for kept in stage))
        return self._status

    async def _start(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for stage in self._stages:
                for kept in stage:
                    tasks.create_task(self._keep(kept))
                lines = [line for kept in stage for line in await kept.first_report]
                for line in sorted(lines, key=_place):
                    self._say(line)

    async def _keep(self, kept: _Kept) -> None:
        await kept.keep(self._say_late)
        self._status = 1
        self._stop.set()

    def _say_late(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._say(line)


class _Kept:
    """One program, kept running."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._process: asyncio.subprocess.Process | None = None
        self._was_ready = False
        self.first_report: asyncio.Future[Sequence[str]] = asyncio.get_running_loop().create_future()
        """What it said when it was ready; nothing, if it died before."""

    async def keep(self, say_late: Callable[[Sequence[str]], None]) -> None:
        """Returns when it is unusable: it has said why itself, and starting it again cannot mend that."""
        delay_s = FIRST_DELAY_S
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            status = await self._live(say_late)
            if status == UNUSABLE:
                return
            delay_s = FIRST_DELAY_S if loop.time() - began_s > SETTLED_S else delay_s
            _log.warning("%s ended (%s), starts again in %.1f s", self._program.name, _why(status), delay_s)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LONGEST_DELAY_S)

    async def end(self) -> None:
        """Ends it in order; with force, if that takes too long."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), GRACE_S)
        _kill_group(self._process.pid)
        await self._process.wait()

    async def _live(self, say_late: Callable[[Sequence[str]], None]) -> int:
        """From one start to the end of the process, whose status is given."""
        process, report = await self._start()
        lines = await _read_report(report)
        self._tell(lines, say_late)
        status = await process.wait()
        _kill_group(process.pid)   # what it started and has left behind
        return status

    async def _start(self) -> tuple[asyncio.subprocess.Process, int]:
        report, for_child = os.pipe()
        program = self._program
        try:
            self._process = await asyncio.create_subprocess_exec(
                *program.arguments,
                str(for_child),
                env=program.env,
                stdin=asyncio.subprocess.PIPE,   # the lifeline
                stdout=2,   # standard output is for the lines of reports
                pass_fds=(*program.fds, for_child),
                start_new_session=True,
            )
        finally:
            os.close(for_child)
        return self._process, report

    def _tell(self, lines: Sequence[str] | None, say_late: Callable[[Sequence[str]], None]) -> None:
        if not self.first_report.done():
            self.first_report.set_result(lines or ())
        elif lines and not self._was_ready:
            say_late(lines)
        self._was_ready = self._was_ready or lines is not None


async def _read_report(descriptor: int) -> Sequence[str] | None:
    """The lines of a report without its last; None if the process ended without one. Closes the descriptor."""
    reader = asyncio.StreamReader()
    make = partial(asyncio.StreamReaderProtocol, reader)
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(make, pipe)
    try:
        lines = (await reader.read()).decode().splitlines()
    finally:
        transport.close()
    return lines[:-1] if lines[-1:] == [READY] else None


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _place(line: str) -> int:
    word = line.split(" ", 1)[0]
    return ORDER.index(word) if word in ORDER else len(ORDER)


def _why(status: int) -> str:
    return f"status {status}" if status >= 0 else signal.Signals(-status).name
