"""`/healthz`: this process answers. `/readyz`: what it needs answers too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from scheduler_api.deps import Services, Shared

router = APIRouter(tags=["health"])

TIMEOUT_S = 3.0


@router.get("/healthz", operation_id="health")
async def health() -> dict[str, str]:
    """This process is alive."""
    return {"status": "ok"}


@router.get("/readyz", operation_id="ready", responses={503: {"description": "Something that is needed is not there."}})
async def ready(request: Request, shared: Shared) -> JSONResponse:
    """Store, Redis and, where this process depends on it, a dispatcher: each was asked just now."""
    checks: dict[str, Awaitable[bool | None]] = {"storage": _storage(shared), "redis": _redis(shared)}
    if request.app.state.role == "all":
        checks["dispatcher"] = _dispatcher(shared)
    found = dict(zip(checks, await asyncio.gather(*map(_outcome, checks.values())), strict=True))
    good = all(outcome == "ok" for outcome in found.values())
    return JSONResponse({"status": "ok" if good else "unavailable", "checks": found}, 200 if good else 503)


async def _outcome(check: Awaitable[bool | None]) -> str:
    try:
        return "ok" if await asyncio.wait_for(check, TIMEOUT_S) is not False else "none"
    except Exception as error:  # whatever it is, it is not ready
        return type(error).__name__


async def _storage(shared: Services) -> None:
    """One listing: it fails for a bucket that is not there or may not be read."""
    await to_thread.run_sync(lambda: next(iter(shared.store.folders("rooms/")), None), abandon_on_cancel=True)


async def _redis(shared: Services) -> None:
    await shared.redis.ping()


async def _dispatcher(shared: Services) -> bool:
    return await shared.queue.is_attended()
