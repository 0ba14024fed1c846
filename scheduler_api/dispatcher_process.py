"""The dispatcher's process: takes jobs from the queue and runs them on the farm, until SIGTERM.

Takes settings; opens the executor first, so that no job is taken that could not be run. Reads the clock, which nothing
below does. When told to stop it hands its jobs back and closes what it has started.
"""

from __future__ import annotations

import asyncio
import os
import secrets as dice
import signal
import socket
import time
from collections.abc import Awaitable, Callable

import httpx

from farm.cluster import interrupt_on_terminate, open_executor
from farm.errors import BadSetting
from farm.job import Job
from scheduler_api.child import report_ready
from scheduler_api.jobs.board import JobBoard
from scheduler_api.jobs.dispatcher import Dispatcher
from scheduler_api.jobs.pool import SharedExecutor
from scheduler_api.jobs.queue import JobQueue
from scheduler_api.jobs.records import JobRecords
from scheduler_api.jobs.turn import House
from scheduler_api.jobs.webhook import Webhook, no_webhook
from scheduler_api.jobs.work import Work
from scheduler_api.redis_client import redis_client
from scheduler_api.settings import DoorSettings
from scheduler_api.startup import redis_url_of, secrets_of, spec_of
from storage.objects import open_store


def run_dispatcher(settings: DoorSettings, report_fd: int | None) -> None:
    """Runs jobs until SIGTERM or SIGINT. Call it in the main thread. Raises BadSetting, ClusterUnreachable."""
    pool = SharedExecutor(lambda: open_executor(settings))
    try:
        with interrupt_on_terminate(), pool.borrowed() as executor:
            lines = [f"Dashboard {executor.dashboard}"] if executor.dashboard else []
        asyncio.run(_dispatch(settings, pool, lambda: report_ready(lines, report_fd)))
    except KeyboardInterrupt:
        return   # told to stop before it had begun
    finally:
        pool.close()


async def _dispatch(settings: DoorSettings, pool: SharedExecutor, started: Callable[[], None]) -> None:
    spec = spec_of(settings)
    async with redis_client(redis_url_of(settings)) as redis, httpx.AsyncClient() as client:
        house = House(
            queue=JobQueue(redis),
            board=JobBoard(redis),
            records=JobRecords(open_store(spec)),
            run_job=Work(spec, settings, pool),
            notify=_webhook(settings, client),
            now=time.time,
            store_url=spec.url,
        )
        dispatcher = Dispatcher(house, f"{socket.gethostname()}-{os.getpid()}-{dice.token_hex(4)}")
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, dispatcher.stop)
        started()
        await dispatcher.run()


def _webhook(settings: DoorSettings, client: httpx.AsyncClient) -> Callable[[Job], Awaitable[None]]:
    if settings.webhook_url is None:
        return no_webhook
    key = secrets_of(settings, "dispatcher").webhook_key
    if key is None:
        raise BadSetting("FARM_WEBHOOK_KEY", "what FARM_WEBHOOK_URL is told is signed with it: set it")
    return Webhook(settings.webhook_url, key, client, time.time)
