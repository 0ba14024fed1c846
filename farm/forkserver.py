"""A server process that has imported what workers need, from which workers are forked.

Started as early as possible, it does its importing beside the start of the command, once instead of once for each
worker. It runs with the environment of a worker; SIGINT is not for it nor its children. Light to import.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import signal
import tempfile
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any

from farm.scratch import claim_folder

METHOD = "forkserver"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Environment of a worker: it is one process per core, threads inside it only get in each other's way."""

_PRELOAD = ["distributed", "distributed.nanny", "distributed.worker", "farm.tasks", "farm.executors.on_worker"]


def start_early() -> None:
    """Starts the server if it is not running yet."""
    _use_own_folder()
    context: Any = multiprocessing.get_context(METHOD)
    context.set_forkserver_preload(_PRELOAD)
    resource_tracker.ensure_running()  # its own start would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    old = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        forkserver.ensure_running()
    finally:
        for name, value in old.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _use_own_folder() -> None:
    """Has multiprocessing put its sockets where whoever comes next clears away what a killed process has left.

    Else it makes a folder of its own, `pymp-…`, which stays for ever when its process is killed.
    """
    config: dict[str, Any] = multiprocessing.process.current_process()._config   # type: ignore[attr-defined]
    if config.get("tempdir") is None:
        folder, _ = claim_folder(Path(tempfile.gettempdir()))
        config["tempdir"] = str(folder)
        atexit.register(_remove_own, folder, os.getpid())


def _remove_own(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
