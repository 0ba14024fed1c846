"""The web application: routes by role, and around them limits, CORS, logs, metrics and problem details.

`create_app` takes the services of a process and gives a FastAPI app that starts and stops nothing but what is its
own: the metrics port and the gauges. The role `gateway` has what users and players ask, `composition` what composition
tokens open, `api` both; `all` is `api` with a dispatcher beside it, on which it depends to be ready.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from redis.exceptions import RedisError

from scheduler_api import openapi
from scheduler_api.admission import Admission
from scheduler_api.deps import Services
from scheduler_api.limits import BodyLimit
from scheduler_api.media import MediaSender
from scheduler_api.metrics import Metrics, RequestLog
from scheduler_api.problems import LastResort, add_problem_handlers
from scheduler_api.routes import composer, compositions, exports, health, jobs, media, previews, recordings
from scheduler_api.status import StatusDesk

AppRole = Literal["all", "api", "gateway", "composition"]

API_VERSION = "1"

OBSERVE_S = 5.0
"""How often the queue's gauges are read."""

_GATEWAY = (recordings.router, compositions.router, jobs.router, media.router, composer.router)
_COMPOSITION = (previews.router, compositions.writing, exports.router)
_BOTH = _GATEWAY + _COMPOSITION
_ROUTERS = {"all": _BOTH, "api": _BOTH, "gateway": _GATEWAY, "composition": _COMPOSITION}

_SENT_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "If-Range",
                 "Last-Event-ID", "Range")  # fmt: skip
_SHOWN_HEADERS = ("ETag", "Content-Range", "Content-Length", "Accept-Ranges", "Retry-After")

_log = logging.getLogger(__name__)


def create_app(services: Services, role: AppRole = "all") -> FastAPI:
    """The app of one process; every worker process makes its own."""
    app = _routed(role)
    app.state.services = services
    app.state.role = role
    app.state.metrics = metrics = Metrics()
    app.state.admission = Admission(services)
    app.state.media = MediaSender(services.store)
    app.state.status = StatusDesk(services.store, services.jobs)
    app.state.page = composer.PAGE
    add_problem_handlers(app)
    _wrap(app, services, metrics)
    return app


def api_document(role: AppRole = "all") -> dict[str, Any]:
    """The OpenAPI document, as an app of this role serves it."""
    return _routed(role).openapi()


def _routed(role: AppRole) -> FastAPI:
    """The routes and their description, which need no services before somebody asks."""
    app = FastAPI(
        title="Recording farm",
        version=API_VERSION,
        description="Previews, compositions and exports of recorded meetings.",
        lifespan=_lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in (health.router, *_ROUTERS[role]):
        app.include_router(router)
    openapi.describe(app)
    return app


def _wrap(app: FastAPI, services: Services, metrics: Metrics) -> None:
    """The middlewares, the innermost first."""
    app.add_middleware(BodyLimit)
    app.add_middleware(LastResort)
    if services.settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=services.settings.cors_origins,
            allow_methods=("GET", "HEAD", "POST", "PUT", "DELETE"),
            allow_headers=_SENT_HEADERS,
            expose_headers=_SHOWN_HEADERS,
            max_age=3600,
        )
    app.add_middleware(RequestLog, metrics=metrics)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    settings, metrics = services.settings, app.state.metrics
    stop = metrics.serve(settings.metrics_host, settings.metrics_port) if settings.metrics_port else None
    observing = asyncio.create_task(_observe(services, metrics))
    try:
        yield
    finally:
        observing.cancel()
        with suppress(asyncio.CancelledError):
            await observing
        await services.hub.aclose()
        if stop:
            await asyncio.to_thread(stop)


async def _observe(services: Services, metrics: Metrics) -> None:
    while True:
        try:
            await metrics.observe_queue(services.queue)
        except RedisError as error:
            _log.warning("the queue cannot be observed: %s", error)
        await asyncio.sleep(OBSERVE_S)
