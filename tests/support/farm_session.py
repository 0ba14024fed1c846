"""A process with an executor as FARM_WORKERS or FARM_SCHEDULER say, to be stopped from outside.

`python -m tests.support.farm_session FOLDER WHAT`; WHAT is `finish` (a short task, then close) or `work` (a
long one). Each busy worker writes its process id into FOLDER as the name of a file.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from farm.cluster import interrupt_on_terminate, open_executor
from farm.errors import exit_message
from farm.executors.base import CancelToken, Task, TaskContext
from farm.settings import load_settings


def work(context: TaskContext, folder: Path, seconds: float) -> str:
    (folder / str(os.getpid())).touch()
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        context.check_cancelled()
        time.sleep(0.01)
    return "done"


def main(folder: Path, what: str) -> int:
    tasks = [Task(f"w{n}", "work", work, (folder, 60.0 if what == "work" else 0.1)) for n in range(2)]
    try:
        with interrupt_on_terminate(), open_executor(load_settings()) as executor:
            executor.run(tasks, lambda event: None, CancelToken())
    except KeyboardInterrupt as error:
        print(exit_message(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    from tests.support import farm_session  # tasks are pickled by their module's name

    sys.exit(farm_session.main(Path(sys.argv[1]), sys.argv[2]))
