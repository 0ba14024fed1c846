"""Tasks that do nothing of use, for tests of executors. Importable by name, so that workers find them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from farm.executors.base import TaskContext
from farm.tasks import render_video
from renderer.spec import RenderSpec, VideoChunk


class Flaky(Exception):
    """An error worth retrying, with two fields."""

    blame: Literal["storage"] = "storage"
    retryable = True

    def __init__(self, key: str, status: int) -> None:
        super().__init__(key, status)
        self.key = key
        self.status = status

    def __str__(self) -> str:
        return f"{self.key}: status {self.status}"


class Malformed(Exception):
    """An error of the input, with a field; no retry would help."""

    blame: Literal["input"] = "input"
    retryable: ClassVar[bool] = False

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


def double(context: TaskContext, value: int) -> int:
    return 2 * value


def write_line(context: TaskContext, log: Path, line: str) -> int:
    """Append `line` to `log`; gives the process id."""
    with log.open("a") as file:
        file.write(line + "\n")
    return os.getpid()


def count_up(context: TaskContext, steps: int) -> str:
    for done in range(steps):
        context.progress(done, steps)
    context.progress(steps, steps)
    return "counted"


def fail_at_first(context: TaskContext, log: Path, failures: int) -> str:
    """Raise Flaky in the first `failures` tries."""
    write_line(context, log, "tried")
    if len(log.read_text().splitlines()) <= failures:
        raise Flaky("chunk-7", 503)
    return "in the end"


def refuse(context: TaskContext, log: Path) -> None:
    write_line(context, log, "tried")
    raise Malformed(1234)


def surprise(context: TaskContext) -> None:
    raise ZeroDivisionError("nobody thought of it")


def run_until_cancelled(context: TaskContext, log: Path) -> None:
    """Add a byte to `log` every few milliseconds, for at most half a minute."""
    for _ in range(6000):
        context.check_cancelled()
        with log.open("a") as file:
            file.write(".")
        time.sleep(0.005)


def die_once(context: TaskContext, log: Path) -> str:
    """The first process to come here is killed in the middle of its work."""
    write_line(context, log, str(os.getpid()))
    if len(log.read_text().splitlines()) == 1:
        time.sleep(0.1)   # so that the worker's word that it has begun is out
        os.kill(os.getpid(), signal.SIGKILL)
    return "done by another"


def die(context: TaskContext, pause_s: float) -> None:
    time.sleep(pause_s)
    os.kill(os.getpid(), signal.SIGKILL)


def render_one_and_die(
    context: TaskContext, spec: RenderSpec, chunks: Sequence[VideoChunk], reuse: bool
) -> None:
    """A span whose second chunk kills whoever renders it."""
    render_video(context, spec, chunks[:1], reuse)
    time.sleep(0.1)   # so that the worker's word that it has begun is out
    os.kill(os.getpid(), signal.SIGKILL)


def cv2_threads(context: TaskContext) -> tuple[int, str | None]:
    """How many threads the numerical libraries of a worker use."""
    from compositing.threads import threads_used

    return threads_used(), os.environ.get("OMP_NUM_THREADS")


def variable(context: TaskContext, name: str) -> str | None:
    """An environment variable of the process that runs it."""
    return os.environ.get(name)
