"""The two gRPC services: composition tokens for another process, registrations of the Recording Service.

Takes a token desk, a registry and the addresses to listen on; gives running servers. Each service has a port of its
own: the Recording Service dials without TLS, so its port is for loopback or a guarded network, while the one of the
tokens can demand certificates from both sides. A refused token is an answer, `ok` false without a reason; what cannot
be answered now is UNAVAILABLE. No token and no receipt is written to a log.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, NoReturn, get_args

import grpc
from grpc import aio

from scheduler_api.auth.access import Scope
from scheduler_api.desk import TokenDesk
from scheduler_api.errors import DoorError, QueueUnavailable
from scheduler_api.grpc.pb import composition_tokens_pb2 as tokens_pb
from scheduler_api.grpc.pb import composition_tokens_pb2_grpc as tokens_grpc
from scheduler_api.grpc.pb import recording_shelf_pb2 as shelf_pb
from scheduler_api.grpc.pb import recording_shelf_pb2_grpc as shelf_grpc
from scheduler_api.registry import RegisteredPart, RegisteredStatus, Registration, Registry
from storage.errors import InvalidKey, StorageError

_SCOPES = frozenset(get_args(Scope))
_STATUS: dict[int, RegisteredStatus] = {
    shelf_pb.RECORDING_STATUS_RECORDING: "recording",
    shelf_pb.RECORDING_STATUS_COMPLETED: "completed",
    shelf_pb.RECORDING_STATUS_FAILED: "failed",
}
_OPTIONS = [("grpc.so_reuseport", 0)]   # a port that another process has is an error, not shared with it

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MutualTls:
    """One side of a connection on which both show certificates; all three are PEM."""

    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)
    authority: bytes = field(repr=False)
    """Who must have signed the other side's certificate."""


@dataclass(frozen=True, slots=True)
class Listening:
    """A running server and the port it got."""

    server: Any
    port: int

    async def stop(self, grace_s: float = 5.0) -> None:
        """Takes no more calls, and ends when those under way are answered or `grace_s` is over."""
        await self.server.stop(grace_s)


async def serve_tokens(desk: TokenDesk, address: str, tls: MutualTls | None = None) -> Listening:
    """CompositionTokens on `address` (`host:port`; port 0: a free one). Raises OSError where it is taken."""
    server = aio.server(options=_OPTIONS)
    tokens_grpc.add_CompositionTokensServicer_to_server(_Tokens(desk), server)
    return await _listen(server, address, tls)


async def serve_shelf(registry: Registry, address: str) -> Listening:
    """RecordingShelfBridge on `address`, as `serve_tokens`."""
    server = aio.server(options=_OPTIONS)
    shelf_grpc.add_RecordingShelfBridgeServicer_to_server(_Shelf(registry), server)
    return await _listen(server, address, None)


async def _listen(server: Any, address: str, tls: MutualTls | None) -> Listening:
    try:
        if tls is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, _demanding_certificates(tls))
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}: {error}") from error
    await server.start()
    return Listening(server, port)


def _demanding_certificates(tls: MutualTls) -> Any:
    pair = (tls.key, tls.certificate)
    return grpc.ssl_server_credentials([pair], root_certificates=tls.authority, require_client_auth=True)


class _Tokens(tokens_grpc.CompositionTokensServicer):
    """CompositionTokens over a desk."""

    def __init__(self, desk: TokenDesk) -> None:
        self._desk = desk

    async def Verify(self, request: tokens_pb.VerifyRequest, context: Any) -> tokens_pb.VerifyResponse:  # noqa: N802
        if request.action not in _SCOPES:
            return tokens_pb.VerifyResponse(ok=False)
        action: Any = request.action
        try:
            burned = await self._desk.check_and_burn(request.token, action, request.recording_id)
        except QueueUnavailable:
            await _unavailable(context, "tokens cannot be looked up now")
        except DoorError:
            _log.info("token refused", extra={"recording_id": request.recording_id, "action": request.action})
            return tokens_pb.VerifyResponse(ok=False)
        return tokens_pb.VerifyResponse(
            ok=True, subject=burned.subject, room_id=burned.room_id, receipt=burned.receipt
        )

    async def Release(self, request: tokens_pb.ReleaseRequest, context: Any) -> tokens_pb.ReleaseResponse:  # noqa: N802
        try:
            return tokens_pb.ReleaseResponse(ok=await self._desk.give_back(request.receipt))
        except QueueUnavailable:
            await _unavailable(context, "tokens cannot be given back now")
        except DoorError:
            return tokens_pb.ReleaseResponse(ok=False)


class _Shelf(shelf_grpc.RecordingShelfBridgeServicer):
    """RecordingShelfBridge over a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def UpsertRoomRecording(  # noqa: N802
        self, request: shelf_pb.UpsertRoomRecordingRequest, context: Any
    ) -> shelf_pb.UpsertRoomRecordingResponse:
        ids = {"room_id": request.room_id, "recording_id": request.recording_id}
        try:
            await self._registry.register(registration_of(request))
        except (InvalidKey, DoorError) as error:
            _log.warning("registration refused: %s", error)
            return shelf_pb.UpsertRoomRecordingResponse(success=False, message=str(error), **ids)
        except StorageError as error:
            _log.warning("registration failed: %s", error, extra=ids)
            await _unavailable(context, "the store does not answer; try again")
        _log.info("recording registered", extra=ids)
        return shelf_pb.UpsertRoomRecordingResponse(success=True, **ids)


async def _unavailable(context: Any, why: str) -> NoReturn:
    await context.abort(grpc.StatusCode.UNAVAILABLE, why)
    raise AssertionError("abort raises")


def registration_of(request: shelf_pb.UpsertRoomRecordingRequest) -> Registration:
    """What a call tells. Its prefix and keys are left out: where a recording lies follows from its ids."""
    return Registration(
        room_id=request.room_id,
        recording_id=request.recording_id,
        status=_STATUS.get(request.status),
        started_at_ms=request.started_at or None,
        completed_at_ms=request.completed_at or None,
        service_id=request.service_id,
        quick_access_parts=tuple(map(_part, request.quick_access_parts)),
        late_composite_parts=tuple(map(_part, request.late_composite_parts)),
    )


def _part(part: shelf_pb.RecordingPart) -> RegisteredPart:
    return RegisteredPart(**{name: getattr(part, name) for name in RegisteredPart.model_fields})
