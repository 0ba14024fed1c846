"""How a worker is set up, whoever started it: on the embedded cluster, on a machine, in a pod.

The threads of numerical libraries are fixed before a process starts, so they are part of the environment that
a worker is started with. What else is needed is imported in the background as soon as a worker is there,
while the coordinator still plans.
"""

from __future__ import annotations

import importlib
import threading
from contextlib import suppress

from distributed import Worker, WorkerPlugin

TASKS = "farm.tasks"
"""The module with the functions that workers run; importing it loads the media libraries."""


class WarmUp(WorkerPlugin):
    """Imports what tasks will need, off the worker's event loop; a task that comes first waits for it."""

    name = "farm-warm-up"
    idempotent = True

    def setup(self, worker: Worker) -> None:
        threading.Thread(target=_import_tasks, name="farm warm-up", daemon=True).start()


def _import_tasks() -> None:
    with suppress(ImportError):   # the first task will say it, to someone who hears it
        importlib.import_module(TASKS)
