"""A whole door for tests: the app with its real parts, over a copy of a real recording and a real Valkey."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from redis.asyncio import Redis

from scheduler_api.app import AppRole, create_app
from scheduler_api.auth.access import Role, UserClaims
from scheduler_api.auth.claims import UserTokens
from scheduler_api.auth.signing import MediaSigner
from scheduler_api.auth.token_store import TokenStore
from scheduler_api.auth.tokens import CompositionTokens
from scheduler_api.compositions import Compositions
from scheduler_api.deps import Services
from scheduler_api.desk import LocalDesk, TokenDesk
from scheduler_api.jobs.board import JobBoard
from scheduler_api.jobs.hub import EventHub
from scheduler_api.jobs.queue import JobQueue
from scheduler_api.jobs.records import JobRecords
from scheduler_api.jobs.service import Jobs
from scheduler_api.registry import StoredRegistry
from scheduler_api.settings import DoorSettings
from scheduler_api.shelf import Shelf
from scheduler_api.studio import Studio
from storage.keys import RecordingKeys
from storage.objects import StoreSpec, open_store
from tests.support.auth import COMPOSITION_RING, MEDIA_RING, USER_SECRET, HandClock, secret
from tests.support.recordings import recording_dir

SERVICE_KEY = secret("service")
BASE = "http://farm.test"


@dataclass
class Door:
    """The app, its services, and a client that speaks to it in this process."""

    services: Services
    app: FastAPI
    client: httpx.AsyncClient
    keys: RecordingKeys
    """The recording that is there."""
    clock: HandClock

    @property
    def path(self) -> str:
        """`/recordings/{id}` of the recording that is there."""
        return f"/recordings/{self.keys.recording_id}"

    def user(
        self, role: Role | None = "host", *, sub: str = "ada", room: str | None = None, shelf: bool = False,
        logged_in: bool = True,
    ) -> dict[str, str]:
        """The header of someone with `role` in the recording's room, or in another one."""
        room = room or self.keys.room_id
        claims = UserClaims(sub, logged_in, {room: role} if role else {}, frozenset({room} if shelf else ()))
        return {"Authorization": f"Bearer {self.services.users.issue(claims)}"}

    async def token(self, scope: list[str] | None = None, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """The header of a fresh composition token."""
        answer = await self.client.post(
            f"{self.path}/composition/token",
            headers=headers or self.user(),
            json={"scope": scope} if scope else None,
        )
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    def service(self, room: str | None = None) -> dict[str, str]:
        """The headers of the Recording Service."""
        return {"X-Compositer-Service-Key": SERVICE_KEY, "X-Compositer-Room-Id": room or self.keys.room_id}

    def put_policy(self, level: str | None, accessors: list[str] | None = None) -> None:
        """Changes who may access the recording; None takes policy.json away."""
        if level is None:
            self.services.store.delete(self.keys.policy)
            return
        policy = {"who_can_access_recordings": level, "allowed_accessor_ids": accessors or []}
        self.services.store.put(self.keys.policy, json.dumps(policy).encode())


def copy_recording(folder: Path) -> RecordingKeys:
    """A copy of the small real recording under `folder`; its keys."""
    source = recording_dir("kickoff")
    shutil.copytree(source, folder / "rooms" / source.parent.name / source.name)
    return RecordingKeys(source.parent.name, source.name)


@contextlib.asynccontextmanager
async def open_door(
    spec: StoreSpec,
    keys: RecordingKeys,
    redis: Redis,
    *,
    role: AppRole = "all",
    desk: TokenDesk | None = None,
    draws: bool = False,
    **settings: Any,
) -> AsyncIterator[Door]:
    """The door over a store and a Redis; one that `draws` has a worker for plans, stills and images."""
    clock = HandClock()
    services = make_services(spec, redis, clock, desk, **settings)
    if draws:
        await services.studio.start()
    app = create_app(services, role)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        try:
            yield Door(services, app, client, keys, clock)
        finally:
            await services.hub.aclose()
            await services.studio.close()


def make_services(
    spec: StoreSpec, redis: Redis, clock: HandClock, desk: TokenDesk | None = None, **settings: Any
) -> Services:
    """All parts of one process."""
    store = open_store(spec)
    door_settings = DoorSettings(**{"storage": spec.url, **settings})
    tokens = CompositionTokens(TokenStore(redis), COMPOSITION_RING, clock)
    registry = StoredRegistry(store, redis)
    board, queue = JobBoard(redis), JobQueue(redis)
    jobs = Jobs(JobRecords(store), board, queue)
    return Services(
        settings=door_settings,
        service_key=SERVICE_KEY,
        spec=spec,
        store=store,
        redis=redis,
        users=UserTokens.with_secret(USER_SECRET, clock),
        tokens=tokens,
        desk=desk or LocalDesk(tokens),
        signer=MediaSigner(MEDIA_RING, clock),
        registry=registry,
        shelf=Shelf(store, registry, door_settings.editor_roles),
        compositions=Compositions(store, redis, clock),
        studio=Studio(door_settings, workers=1),
        jobs=jobs,
        queue=queue,
        board=board,
        hub=EventHub(redis, jobs.find),
        now=clock,
    )


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The app behind a real uvicorn on loopback; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on"))
    with _listening() as listener:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


@contextlib.contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener


async def exchange(address: str, request: bytes) -> tuple[int, bytes]:
    """Sends raw bytes, as no client library would, and gives the status and the whole answer."""
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        answer = await reader.read()
        return int(answer.split(b" ", 2)[1]), answer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
