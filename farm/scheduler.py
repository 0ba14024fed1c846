"""The scheduler of a cluster as a process of its own: Dask's, with the farm's configuration and one page more."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import dask
from distributed import Scheduler

from farm.cluster import CONFIG

ROUTES = "farm.demand"
"""Module with the page that says how much work there is."""


def run_scheduler(host: str, port: int, dashboard_port: int) -> None:
    """Schedules until SIGTERM or SIGINT. Raises OSError where a port is taken."""
    routes = [*dask.config.get("distributed.scheduler.http.routes"), ROUTES]
    with dask.config.set({**CONFIG, "distributed.scheduler.http.routes": routes}):
        asyncio.run(_schedule(host, port, dashboard_port))


async def _schedule(host: str, port: int, dashboard_port: int) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    scheduler: Any = await Scheduler(
        host=host, port=port, dashboard=True, dashboard_address=f"{host}:{dashboard_port}"
    )
    await told.wait()
    await scheduler.close(reason="told to go")
