"""How a request becomes a job: whose token, asked before?, is it sound, use the token up, queue it.

Takes what was shown and a function that checks the body, gives the job. In this order: authenticate; look the
Idempotency-Key up by (subject, recording, route, key); validate; burn the token; queue. Whatever fails between the last
two steps gives the token back. A key that came with another body before is refused: which of the two is meant, nobody
can tell. Where only burning tells whose a token is (`desk.check` gives None) it is burned first and given back on every
other way out; a repeated request with that very token is then known by the token's hash.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import anyio

from farm.job import Job, JobKind, moment, new_job
from scheduler_api.auth.access import Scope
from scheduler_api.deps import Services
from scheduler_api.desk import Burned, Holder, TokenDesk
from scheduler_api.errors import DoorError, KeyReused
from scheduler_api.logs import note
from storage.keys import RecordingKeys

SERVICE_SUBJECT = "recording-service"

_log = logging.getLogger(__name__)

Prepare = Callable[[Holder], Awaitable[Mapping[str, Any]]]
"""Checks what was asked and gives the job's request. Raises whatever is wrong with it."""


class TokenUse:
    """One use of a composition token: burned at most once, and given back unless `keep` was called."""

    def __init__(self, desk: TokenDesk, token: str, action: Scope, recording_id: str) -> None:
        self._desk, self._asked = desk, (token, action, recording_id)
        self._burned: Burned | None = None
        self._kept = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._burned is None or self._kept:
            return
        with anyio.CancelScope(shield=True):  # a caller who hangs up gets it back as well
            try:
                await self._desk.give_back(self._burned.receipt)
            except DoorError as refusal:
                _log.warning("a token could not be given back: %s", refusal)

    async def unburned(self) -> Holder | None:
        """Whose token it is, which stays unused; None where only burning tells. Raises TokenRejected, Forbidden."""
        return await self._desk.check(*self._asked)

    async def burn(self) -> Holder:
        """Uses it up, if that has not happened yet. Raises TokenRejected, Forbidden, QueueUnavailable."""
        if self._burned is None:
            self._burned = await self._desk.check_and_burn(*self._asked)
        return Holder(self._burned.subject, self._burned.room_id)

    def keep(self) -> None:
        """What it was burned for has come about."""
        self._kept = True


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a job, before its body is understood; `key` is its Idempotency-Key."""

    kind: JobKind
    recording_id: str
    route: str
    key: str | None
    body: bytes

    @property
    def fingerprint(self) -> str | None:
        """What a repeated request must have in common; None without a key. No body is an empty object."""
        return _digest(self.body or b"{}") if self.key is not None else None


class Admission:
    """Makes jobs of requests."""

    def __init__(self, shared: Services) -> None:
        self._shared = shared

    async def by_token(self, token: str, action: Scope, asked: Asked, prepare: Prepare) -> Job:
        """The job of a request with a composition token."""
        async with TokenUse(self._shared.desk, token, action, asked.recording_id) as use:
            holder = await use.unburned()
            if holder is not None:
                return await self._once(holder, asked, prepare, use)
            by_token = _binding("token", _digest(token.encode()), asked)
            if repeated := await self._made_by(by_token, asked):
                return repeated
            job = await self._once(await use.burn(), asked, prepare, use)
            if by_token:
                await self._shared.board.remember(by_token, job.job_id)
            return job

    async def by_service(self, keys: RecordingKeys, asked: Asked, prepare: Prepare) -> Job:
        """The job of a request of the Recording Service, which has shown its key."""
        return await self._once(Holder(SERVICE_SUBJECT, keys.room_id), asked, prepare, None)

    async def _once(self, holder: Holder, asked: Asked, prepare: Prepare, use: TokenUse | None) -> Job:
        bound = _binding("subject", holder.subject, asked)
        if repeated := await self._made_by(bound, asked):
            return repeated
        request = await prepare(holder)
        if use is not None:
            await use.burn()
        asked_for = self._job(holder, asked, request, bound)
        job = await self._shared.jobs.submit(asked_for)
        if job is not asked_for:
            return _same(job, asked)
        _log.info("%s queued", job.kind)
        if use is not None:
            use.keep()
        return job

    def _job(self, holder: Holder, asked: Asked, request: Mapping[str, Any], bound: str | None) -> Job:
        job_id = secrets.token_hex(16)
        note(job_id=job_id)
        return new_job(
            job_id,
            asked.kind,
            holder.room_id,
            asked.recording_id,
            request=request,
            created_by=holder.subject,
            at=moment(self._shared.now()),
            idempotency=bound,
            fingerprint=asked.fingerprint,
        )

    async def _made_by(self, bound: str | None, asked: Asked) -> Job | None:
        """The job that the same key made before. Raises KeyReused if it was asked for with another body."""
        job = await self._shared.jobs.made_by(bound) if bound else None
        return _same(job, asked) if job else None


def _same(job: Job, asked: Asked) -> Job:
    if job.fingerprint != asked.fingerprint:
        raise KeyReused
    return job


def _binding(kind: str, who: str, asked: Asked) -> str | None:
    """What a key is bound to, as one name; None without a key."""
    if asked.key is None:
        return None
    return _digest("\0".join((kind, who, asked.recording_id, asked.route, asked.key)).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
