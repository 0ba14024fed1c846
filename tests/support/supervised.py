"""A supervisor over small programs, to be watched and killed.

`python -m tests.support.supervised FOLDER WHAT...` supervises one program for each WHAT, all of one stage, which
write their process ids into files `WHAT.N` of the folder, N counting its starts. WHAT:
  steady     reports a line and sleeps, with a child of its own, whose process id is in `steady-child.N`
  crashing   ends at once
  unusable   ends with the status that says so
  stubborn   reports and does not heed SIGTERM
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from scheduler_api.child import UNUSABLE, end_with_parent, report_ready
from scheduler_api.supervisor import Program, Supervisor


def program(folder: Path, what: str, report_fd: int) -> int:
    start = 1 + len(list(folder.glob(f"{what}.*")))
    if what == "steady":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        note(folder / f"steady-child.{start}", child.pid)
    note(folder / f"{what}.{start}", os.getpid())
    if what in ("crashing", "unusable"):
        return UNUSABLE if what == "unusable" else 3
    signal.signal(signal.SIGTERM, signal.SIG_IGN if what == "stubborn" else lambda number, frame: sys.exit(0))
    report_ready([f"Composer {what}", f"API {what} {start}"], report_fd)
    time.sleep(600)
    return 0


def note(path: Path, pid: int) -> None:
    path.with_suffix(".new").write_text(str(pid))
    path.with_suffix(".new").rename(path)


def supervise(folder: Path, what: list[str]) -> int:
    arguments = (sys.executable, "-m", "tests.support.supervised", "--program", str(folder))
    programs = [Program(name, (*arguments, name), dict(os.environ)) for name in what]

    async def run() -> int:
        return await Supervisor([programs], lambda line: print(line, flush=True)).run()

    return asyncio.run(run())


if __name__ == "__main__":
    if sys.argv[1] == "--program":
        end_with_parent(grace_s=0.5)
        sys.exit(program(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
    sys.exit(supervise(Path(sys.argv[1]), sys.argv[2:]))
