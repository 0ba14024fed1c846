"""What a process that `farm serve` has started owes it: to end when it ends, and to say when it is ready.

Standard input is the lifeline: a pipe whose other end only the parent holds, so it reads as ended when the parent is
gone, however it went. Readiness is told on a pipe of its own, by lines for the person who started the whole. Such a
process leads a process group, so that what it started itself can be ended with it. Light to import.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

GRACE_S = 10.0
"""How long a process may take to end in order after its parent is gone."""

UNUSABLE = 78
"""Exit status (EX_CONFIG) of a process for which starting again cannot help: its settings are wrong."""

READY = "ready"
"""The last line of a report."""


def end_with_parent(grace_s: float = GRACE_S) -> None:
    """From now on this process gets SIGTERM when standard input ends, and SIGKILL, with its group, `grace_s` later."""
    threading.Thread(target=_end_with_parent, args=(grace_s,), name="lifeline", daemon=True).start()


def _end_with_parent(grace_s: float) -> None:
    while os.read(0, 4096):
        pass
    atexit.register(_kill_group)   # nobody else will end what this process has started
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s)
    _kill_group()


def _kill_group() -> None:
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def report_ready(lines: Sequence[str], report_fd: int | None) -> None:
    """Says that this process is ready, once: to the parent, or without one on standard output."""
    if report_fd is None:
        for line in lines:
            print(line, file=sys.stdout, flush=True)
        return
    with open(report_fd, "w", encoding="utf-8") as report:
        report.write("".join(f"{line}\n" for line in (*lines, READY)))
