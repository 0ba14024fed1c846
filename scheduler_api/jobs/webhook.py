"""Tells an address, set by the operator, that a job has ended: a signed POST, repeated until it arrives.

The form is that of Standard Webhooks (standardwebhooks.com): `webhook-id` is the same for every delivery about one job,
`webhook-timestamp` is in Unix seconds, `webhook-signature` is `v1,` and the Base64 of HMAC-SHA256 over
`{id}.{timestamp}.{body}`. A receiver may be told twice and drops what it knows by the id. What the target answers does
not matter beyond its status: 2xx is a delivery; no answer, 408, 425, 429 and 5xx are tried again with growing pauses;
all else is final. Redirects are not followed, so nobody but the operator says where this goes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

from farm.job import Job, moment, rfc3339

PAUSES_S = (1.0, 4.0, 15.0, 60.0)
"""Between the tries."""

TIMEOUT_S = 10.0
"""Of one try, however busily the target sends."""

_TOLD = (
    "job_id",
    "kind",
    "room_id",
    "recording_id",
    "status",
    "reason",
    "message",
    "warnings",
    "created_at",
    "started_at",
    "finished_at",
)

_log = logging.getLogger(__name__)


class Webhook:
    """Tells `url` of ended jobs. `client` must not follow redirects; `now` gives Unix seconds."""

    def __init__(
        self,
        url: str,
        key: str,
        client: httpx.AsyncClient,
        now: Callable[[], float],
        *,
        pauses_s: tuple[float, ...] = PAUSES_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url = url
        self._key = key
        self._client = client
        self._now = now
        self._pauses_s = pauses_s
        self._sleep = sleep

    async def __call__(self, job: Job) -> None:
        """Delivers, or gives up and logs it. Raises nothing."""
        for pause_s in (*self._pauses_s, None):
            problem, again = await self._deliver(job)
            if problem is None:
                return
            if pause_s is None or not again:
                _log.error("the webhook was not told of job %s: %s", job.job_id, problem)
                return
            _log.warning("the webhook is told of job %s again in %s s: %s", job.job_id, pause_s, problem)
            await self._sleep(pause_s)

    async def _deliver(self, job: Job) -> tuple[str | None, bool]:
        """What went wrong, if something did, and whether another try may help."""
        now_s = self._now()
        body = payload(job, now_s)
        headers = {"Content-Type": "application/json", **signed_headers(self._key, job.job_id, int(now_s), body)}
        try:
            status = await self._status(body, headers)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return f"{type(error).__name__}: {error}", True
        if 200 <= status < 300:
            return None, False
        return f"status {status}", status >= 500 or status in (408, 425, 429)

    async def _status(self, body: bytes, headers: Mapping[str, str]) -> int:
        """What the target answers, without the rest, which nobody reads. Raises TimeoutError, httpx.HTTPError."""
        async with (
            asyncio.timeout(TIMEOUT_S),
            self._client.stream("POST", self._url, content=body, headers=headers, timeout=TIMEOUT_S) as answer,
        ):
            return answer.status_code


def payload(job: Job, now_s: float) -> bytes:
    """The body: `type` (`job.ready`, `job.failed`), `timestamp`, and `data` with the job's public fields."""
    data: dict[str, Any] = job.model_dump(mode="json", include=set(_TOLD))
    told = {"type": f"job.{job.status}", "timestamp": rfc3339(moment(now_s)), "data": data}
    return json.dumps(told, separators=(",", ":")).encode()


def signed_headers(key: str, message_id: str, unix_s: int, body: bytes) -> dict[str, str]:
    """The three headers by which a receiver knows the message as ours, whole and of now."""
    signed = hmac.new(key.encode(), f"{message_id}.{unix_s}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(unix_s),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


async def no_webhook(job: Job) -> None:
    """Where no address is set."""
