"""A page of a worker's web server: `/farm/ready` says whether it takes tasks."""

from __future__ import annotations

import time
from typing import Any

from distributed import Status
from distributed.http.utils import RequestHandler

SILENT_S = 30.0
"""A worker that has not heard of its scheduler for as long is not ready."""


class Ready(RequestHandler):
    """200 while the scheduler knows this worker and hears it, else 503."""

    def get(self) -> None:
        worker: Any = self.server
        ready = worker.status == Status.running and time.monotonic() - worker.heard_s < SILENT_S
        self.set_status(200 if ready else 503)
        self.write({"status": worker.status.name})


routes: list[tuple[str, type[Ready], dict[str, Any]]] = [("/farm/ready", Ready, {})]
