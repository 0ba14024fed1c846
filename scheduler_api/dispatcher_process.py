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
from farm.executors.base import CancelToken, Observer
from farm.job import Job
from scheduler_api.child import report_ready
from scheduler_api.jobs.board import JobBoard
from scheduler_api.jobs.dispatcher import Dispatcher
from scheduler_api.jobs.meters import JobMeters
from scheduler_api.jobs.patience import cluster_pauses
from scheduler_api.jobs.pool import SharedExecutor
from scheduler_api.jobs.queue import JobQueue
from scheduler_api.jobs.records import JobRecords
from scheduler_api.jobs.running import Outcome, RunJob
from scheduler_api.jobs.turn import House
from scheduler_api.jobs.webhook import Webhook, no_webhook
from scheduler_api.jobs.work import Work
from scheduler_api.redis_client import redis_client
from scheduler_api.settings import DoorSettings
from scheduler_api.side_port import Pulse, serve_side_port
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
        meters, pulse = JobMeters(), Pulse()
        meters.attending.set_function(lambda: float(pulse.ready))
        house = House(
            queue=JobQueue(redis),
            board=JobBoard(redis),
            records=JobRecords(open_store(spec)),
            run_job=_counted(Work(spec, settings, pool), meters),
            notify=_telling(_webhook(settings, client), meters),
            now=time.time,
            store_url=spec.url,
            cluster_pauses_s=cluster_pauses(settings.worker_wait_s),
        )
        name = f"{socket.gethostname()}-{os.getpid()}-{dice.token_hex(4)}"
        dispatcher = Dispatcher(house, name, attended=pulse.beat, store_failed=meters.store_failed)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, dispatcher.stop)
        stop = _side_port(settings, meters, pulse)
        started()
        try:
            await dispatcher.run()
        finally:
            stop()


def _side_port(settings: DoorSettings, meters: JobMeters, pulse: Pulse) -> Callable[[], None]:
    if settings.metrics_port is None:
        return lambda: None
    try:
        return serve_side_port(settings.metrics_host, settings.metrics_port, meters.registry, pulse)
    except OSError as error:
        where = f"{settings.metrics_host}:{settings.metrics_port}"
        raise BadSetting("FARM_METRICS_PORT", f"cannot listen on {where} ({error.strerror})") from error


def _counted(work: RunJob, meters: JobMeters) -> RunJob:
    def run(job: Job, observer: Observer, cancel: CancelToken, fence: Callable[[], None], /) -> Outcome:
        with meters.job(job.kind):
            return work(job, meters.hearing(observer), cancel, fence)

    return run


def _telling(notify: Callable[[Job], Awaitable[None]], meters: JobMeters) -> Callable[[Job], Awaitable[None]]:
    async def tell(job: Job) -> None:
        meters.ended(job)
        await notify(job)

    return tell


def _webhook(settings: DoorSettings, client: httpx.AsyncClient) -> Callable[[Job], Awaitable[None]]:
    if settings.webhook_url is None:
        return no_webhook
    key = secrets_of(settings, "dispatcher").webhook_key
    if key is None:
        raise BadSetting("FARM_WEBHOOK_KEY", "what FARM_WEBHOOK_URL is told is signed with it: set it")
    return Webhook(settings.webhook_url, key, client, time.time)
