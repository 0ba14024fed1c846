"""The gRPC servers as strangers meet them: certificates, plain text, nonsense, and a gateway that is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc import aio

from scheduler_api.auth.access import Scope
from scheduler_api.desk import Burned, Holder
from scheduler_api.errors import QueueUnavailable
from scheduler_api.grpc.client import GrpcTokenDesk
from scheduler_api.grpc.pb import composition_tokens_pb2 as tokens_pb
from scheduler_api.grpc.pb import composition_tokens_pb2_grpc as tokens_grpc
from scheduler_api.grpc.pb import recording_shelf_pb2 as shelf_pb
from scheduler_api.grpc.pb import recording_shelf_pb2_grpc as shelf_grpc
from scheduler_api.grpc.server import Listening, MutualTls, serve_shelf, serve_tokens
from scheduler_api.registry import StoredRegistry
from storage.memory import MemoryStore
from tests.support.certificates import authority
from tests.support.valkey import Valkey

pytestmark = pytest.mark.anyio

OURS = authority("farm")
GATEWAY = OURS.issue("gateway")


class GenerousDesk:
    """Finds every token good, after a while."""

    def __init__(self, seconds: float = 0) -> None:
        self._seconds = seconds

    async def check(self, token: str, action: Scope, recording_id: str) -> Holder | None:
        return None

    async def check_and_burn(self, token: str, action: Scope, recording_id: str) -> Burned:
        await asyncio.sleep(self._seconds)
        return Burned("ada", "room-1", "receipt")

    async def give_back(self, receipt: str) -> bool:
        return True


@pytest.fixture
async def guarded() -> AsyncIterator[Listening]:
    """The token service, which demands certificates."""
    server = await serve_tokens(GenerousDesk(), "127.0.0.1:0", GATEWAY)
    yield server
    await server.stop(0)


async def verdict(port: int, tls: MutualTls | None) -> Burned | None:
    """What a client with these certificates gets: None if it is not let in."""
    desk = GrpcTokenDesk(f"127.0.0.1:{port}", tls, timeout_s=3)
    try:
        return await desk.check_and_burn("token", "export:create", "rec-1")
    except QueueUnavailable:
        return None
    finally:
        await desk.close()


async def test_who_shows_a_good_certificate_is_let_in(guarded: Listening) -> None:
    assert await verdict(guarded.port, OURS.issue("composition")) == Burned("ada", "room-1", "receipt")


async def test_who_shows_none_is_not(guarded: Listening) -> None:
    assert await verdict(guarded.port, None) is None
    credentials = grpc.ssl_channel_credentials(OURS.pem)   # trusts the server, has no certificate of its own
    async with aio.secure_channel(f"127.0.0.1:{guarded.port}", credentials) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await tokens_grpc.CompositionTokensStub(channel).Verify(tokens_pb.VerifyRequest(token="t"), timeout=3)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_certificates_of_another_authority_are_not_good_in_either_direction(guarded: Listening) -> None:
    strangers = authority("strangers")
    assert await verdict(guarded.port, strangers.issue("composition", trusting=OURS)) is None
    assert await verdict(guarded.port, OURS.issue("composition", trusting=strangers)) is None


async def test_an_answer_that_does_not_come_in_time_is_no_permission() -> None:
    server = await serve_tokens(GenerousDesk(seconds=5), "127.0.0.1:0")
    desk = GrpcTokenDesk(f"127.0.0.1:{server.port}", timeout_s=0.2)
    with pytest.raises(QueueUnavailable):
        await desk.check_and_burn("token", "export:create", "rec-1")
    await desk.close()
    await server.stop(0)


async def test_a_gateway_that_comes_back_is_found_again() -> None:
    server = await serve_tokens(GenerousDesk(), "127.0.0.1:0")
    desk = GrpcTokenDesk(f"127.0.0.1:{server.port}", timeout_s=1)
    await server.stop(0)
    with pytest.raises(QueueUnavailable):
        await desk.check_and_burn("token", "export:create", "rec-1")
    again = await serve_tokens(GenerousDesk(), f"127.0.0.1:{server.port}")
    async with asyncio.timeout(20):
        while True:
            try:
                assert await desk.check_and_burn("token", "export:create", "rec-1")
                break
            except QueueUnavailable:
                await asyncio.sleep(0.1)
    await desk.close()
    await again.stop(0)


async def test_a_port_that_is_taken_is_told() -> None:
    server = await serve_tokens(GenerousDesk(), "127.0.0.1:0")
    with pytest.raises(OSError, match=f"127.0.0.1:{server.port}"):
        await serve_tokens(GenerousDesk(), f"127.0.0.1:{server.port}")
    await server.stop(0)


async def test_an_action_that_nobody_knows_is_refused() -> None:
    server = await serve_tokens(GenerousDesk(), "127.0.0.1:0")
    async with aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        calls = tokens_grpc.CompositionTokensStub(channel)
        answer = await calls.Verify(tokens_pb.VerifyRequest(token="t", action="everything", recording_id="rec-1"))
    assert answer == tokens_pb.VerifyResponse(ok=False)
    await server.stop(0)


# ---- registrations -------------------------------------------------------------------------------------------


@pytest.fixture
async def bridge(valkey: Valkey) -> AsyncIterator[tuple[Any, StoredRegistry, MemoryStore]]:
    """Calls to RecordingShelfBridge, and what they reach."""
    store = MemoryStore()
    async with valkey.client() as client:
        registry = StoredRegistry(store, client)
        server = await serve_shelf(registry, "127.0.0.1:0")
        async with aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield shelf_grpc.RecordingShelfBridgeStub(channel), registry, store
        await server.stop(0)


def request(**changes: Any) -> shelf_pb.UpsertRoomRecordingRequest:
    part = shelf_pb.RecordingPart(index=1, key="quick_access/part-0001.mp4", end_offset_ms=60_000, duration_ms=60_000)
    told = {
        "room_id": "room-1",
        "recording_id": "rec-1",
        "status": shelf_pb.RECORDING_STATUS_COMPLETED,
        "started_at": 1_700_000_000_000,
        "s3_prefix": "rooms/room-of-somebody-else/rec-9",
        "metadata_key": "../../etc/passwd",
        "quick_access_parts": [part],
    }
    return shelf_pb.UpsertRoomRecordingRequest(**(told | changes))


async def test_what_the_recording_service_tells_is_kept(bridge: tuple[Any, StoredRegistry, MemoryStore]) -> None:
    calls, registry, store = bridge
    for _ in range(2):
        answer = await calls.UpsertRoomRecording(request())
        assert answer == shelf_pb.UpsertRoomRecordingResponse(success=True, room_id="room-1", recording_id="rec-1")
    assert await registry.room_of("rec-1") == "room-1"
    kept = store.get("farm/recordings/rec-1.json").decode()
    assert '"status":"completed"' in kept
    assert "quick_access/part-0001.mp4" in kept


async def test_where_it_lies_is_never_taken_from_the_call(bridge: tuple[Any, StoredRegistry, MemoryStore]) -> None:
    calls, _, store = bridge
    await calls.UpsertRoomRecording(request())
    (kept,) = [store.get(info.key).decode() for info in store.list("")]
    assert "somebody-else" not in kept
    assert "passwd" not in kept


@pytest.mark.parametrize(
    "changes",
    [{"room_id": "../.."}, {"recording_id": ""}, {"recording_id": "a/b"}, {"room_id": "r" * 500}, {"room_id": "%2e"}],
)
async def test_ids_that_are_none_are_answered_with_the_reason(
    bridge: tuple[Any, StoredRegistry, MemoryStore], changes: dict[str, str]
) -> None:
    calls, _, store = bridge
    answer = await calls.UpsertRoomRecording(request(**changes))
    assert not answer.success
    assert "id" in answer.message
    assert list(store.list("")) == []


async def test_a_recording_is_not_moved_to_another_room(bridge: tuple[Any, StoredRegistry, MemoryStore]) -> None:
    calls, registry, _ = bridge
    await calls.UpsertRoomRecording(request())
    answer = await calls.UpsertRoomRecording(request(room_id="room-2"))
    assert not answer.success
    assert "room" in answer.message
    assert await registry.room_of("rec-1") == "room-1"
