"""The Dask dashboard of an embedded cluster, loaded when somebody first opens it.

Its libraries take half a second of processor time to import, which is much beside a short export that nobody
watches. Until then only this stands in its place.
"""

from __future__ import annotations

from typing import Any


class DashboardOnDemand:
    """Among the applications of a scheduler's web server: puts the dashboard there and steps aside."""

    def __init__(self, scheduler: Any) -> None:
        """`scheduler` is a distributed Scheduler that was started without its dashboard."""
        self._scheduler = scheduler
        scheduler.http_application.add_application(self)

    def find_handler(self, request: Any, **options: Any) -> Any:
        """The handler of a page that nobody else of the server knows. Called on the scheduler's event loop."""
        from distributed.dashboard.scheduler import connect

        application = self._scheduler.http_application
        application.applications.remove(self)
        connect(application, self._scheduler.http_server, self._scheduler)
        return application.find_handler(request, **options)
