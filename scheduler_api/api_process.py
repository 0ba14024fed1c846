"""The API's process: its services put together from settings, behind uvicorn, with the gRPC ports beside them.

Takes settings, a role and a listening socket; answers until SIGTERM, then gives the answers under way and ends. Reads
the clock, which nothing below does. Must not import the farm's cluster: no worker belongs to this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from pathlib import Path

import uvicorn

from farm.errors import BadSetting
from scheduler_api.app import AppRole, create_app
from scheduler_api.auth.access import UserClaims
from scheduler_api.auth.signing import MediaSigner
from scheduler_api.auth.token_store import TokenStore
from scheduler_api.auth.tokens import CompositionTokens
from scheduler_api.child import report_ready
from scheduler_api.compositions import Compositions
from scheduler_api.deps import Services
from scheduler_api.desk import LocalDesk, TokenDesk
from scheduler_api.grpc.client import GrpcTokenDesk
from scheduler_api.grpc.server import MutualTls, serve_shelf, serve_tokens
from scheduler_api.jobs.board import JobBoard
from scheduler_api.jobs.hub import EventHub
from scheduler_api.jobs.queue import JobQueue
from scheduler_api.jobs.records import JobRecords
from scheduler_api.jobs.service import Jobs
from scheduler_api.redis_client import redis_client
from scheduler_api.registry import StoredRegistry
from scheduler_api.settings import DoorSettings
from scheduler_api.shelf import Shelf
from scheduler_api.startup import redis_url_of, secrets_of, spec_of, user_tokens
from scheduler_api.studio import Studio
from storage.objects import open_store
from storage.recordings import list_recordings

FAREWELL_S = 3
"""How long answers under way may take when the API stops; event streams are cut then, and go on elsewhere."""

SHOWN_RECORDINGS = 50
"""At most as many recordings are named at the start."""


@contextlib.asynccontextmanager
async def open_services(settings: DoorSettings, role: AppRole = "all") -> AsyncIterator[Services]:
    """The parts of an API process, working; they end with the context. Raises BadSetting."""
    secrets = secrets_of(settings, role)
    async with contextlib.AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_client(redis_url_of(settings)))
        spec = spec_of(settings)
        store = open_store(spec)
        tokens = CompositionTokens(TokenStore(redis), secrets.composition_keys, time.time)
        desk: TokenDesk = LocalDesk(tokens)
        if role == "composition" and settings.tokens_address:
            desk = remote = GrpcTokenDesk(settings.tokens_address, mutual_tls(settings))
            stack.push_async_callback(remote.close)
        registry = StoredRegistry(store, redis)
        cores = len(os.sched_getaffinity(0))
        board, queue = JobBoard(redis), JobQueue(redis)
        jobs = Jobs(JobRecords(store), board, queue)
        yield Services(
            settings=settings,
            service_key=secrets.service_key,
            spec=spec,
            store=store,
            redis=redis,
            users=user_tokens(secrets),
            tokens=tokens,
            desk=desk,
            signer=MediaSigner(secrets.media_keys, time.time),
            registry=registry,
            shelf=Shelf(store, registry, settings.editor_roles),
            compositions=Compositions(store, redis),
            studio=await stack.enter_async_context(Studio(settings, settings.studio_workers, cores=cores)),
            jobs=jobs,
            queue=queue,
            board=board,
            hub=EventHub(redis, jobs.find),
            now=time.time,
        )


async def run_api(settings: DoorSettings, role: AppRole, listener: socket.socket, report_fd: int | None) -> None:
    """Answers until SIGTERM or SIGINT. Raises BadSetting."""
    async with open_services(settings, role) as services, _grpc_servers(services, role):
        lines = [f"API {_address(listener)}"]
        if role == "all" and secrets_of(settings).development:
            lines += await asyncio.to_thread(_composer_lines, services, _address(listener))
        config = uvicorn.Config(
            create_app(services, role), log_config=None, access_log=False, timeout_graceful_shutdown=FAREWELL_S
        )
        await _ApiServer(config, lambda: report_ready(lines, report_fd)).serve([listener])


class _ApiServer(uvicorn.Server):
    """Says when it is ready, and leaves what comes after a signal to us."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell_started = started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._end)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell_started()

    def _end(self) -> None:
        self.should_exit = True


@contextlib.asynccontextmanager
async def _grpc_servers(services: Services, role: AppRole) -> AsyncIterator[None]:
    """The gRPC ports that are set; a composition service has none. Raises BadSetting."""
    settings = services.settings
    async with contextlib.AsyncExitStack() as stack:
        if role != "composition" and settings.tokens_port:
            address = f"{settings.tokens_host}:{settings.tokens_port}"
            server = await serve_tokens(LocalDesk(services.tokens), address, mutual_tls(settings))
            stack.push_async_callback(server.stop)
        if role != "composition" and settings.shelf_port:
            server = await serve_shelf(services.registry, f"{settings.shelf_host}:{settings.shelf_port}")
            stack.push_async_callback(server.stop)
        yield


def mutual_tls(settings: DoorSettings) -> MutualTls | None:
    """The certificates for CompositionTokens; None where none are set. Raises BadSetting unless all can be read."""
    parts = {
        "FARM_TOKENS_TLS_CERT": settings.tokens_tls_cert,
        "FARM_TOKENS_TLS_KEY": settings.tokens_tls_key,
        "FARM_TOKENS_TLS_CA": settings.tokens_tls_ca,
    }
    if not any(parts.values()):
        return None
    return MutualTls(*(_read(variable, path) for variable, path in parts.items()))


def _read(variable: str, path: Path | None) -> bytes:
    if path is None:
        raise BadSetting(variable, "it is not set, but the others are: mutual TLS takes all three")
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadSetting(variable, f"{path} cannot be read ({error.strerror})") from error


def _address(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _composer_lines(services: Services, address: str) -> list[str]:
    """For each recording, where its composer page is, with a token that opens it as its host."""
    return [
        f"Composer {address}/composer/{recording_id}#user_token={services.users.issue(_developer(room_id))}"
        for room_id, recording_id in islice(list_recordings(services.store), SHOWN_RECORDINGS)
    ]


def _developer(room_id: str) -> UserClaims:
    return UserClaims("developer", True, {room_id: "host"}, frozenset({room_id}))
