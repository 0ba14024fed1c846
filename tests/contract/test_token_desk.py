"""What every token desk promises: the one in the same process, over the wire, and over the wire with certificates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from scheduler_api.auth.access import Scope
from scheduler_api.auth.token_store import TokenStore
from scheduler_api.auth.tokens import CompositionTokens
from scheduler_api.desk import Burned, Holder, LocalDesk, TokenDesk
from scheduler_api.errors import DoorError, QueueUnavailable, TokenRejected
from scheduler_api.grpc.client import GrpcTokenDesk
from scheduler_api.grpc.server import serve_tokens
from tests.support.auth import COMPOSITION_RING, HandClock
from tests.support.certificates import authority
from tests.support.valkey import Valkey

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def tokens(valkey: Valkey, clock: HandClock) -> AsyncIterator[CompositionTokens]:
    async with valkey.client() as client:
        yield CompositionTokens(TokenStore(client), COMPOSITION_RING, clock)


@pytest.fixture(params=["local", "wire", "certificates"])
async def desk(request: pytest.FixtureRequest, tokens: CompositionTokens) -> AsyncIterator[TokenDesk]:
    local = LocalDesk(tokens)
    if request.param == "local":
        yield local
        return
    signer = authority("farm") if request.param == "certificates" else None
    server = await serve_tokens(local, "127.0.0.1:0", signer and signer.issue("gateway"))
    remote = GrpcTokenDesk(f"127.0.0.1:{server.port}", signer and signer.issue("composition"))
    yield remote
    await remote.close()
    await server.stop(0)


async def token_for(tokens: CompositionTokens, *scopes: Scope) -> str:
    return (await tokens.issue("ada", "rec-1", "room-1", scopes or ("export:create",))).token


async def refused(desk: TokenDesk, token: str, action: Scope = "export:create", recording_id: str = "rec-1") -> None:
    with pytest.raises(DoorError) as caught:
        await desk.check_and_burn(token, action, recording_id)
    assert caught.value.status in (401, 403)
    assert not token or token not in str(caught.value)


async def test_a_token_is_good_once(desk: TokenDesk, tokens: CompositionTokens) -> None:
    token = await token_for(tokens)
    burned = await desk.check_and_burn(token, "export:create", "rec-1")
    assert (burned.subject, burned.room_id) == ("ada", "room-1")
    assert burned.receipt
    await refused(desk, token)


async def test_of_many_uses_at_once_one_succeeds(desk: TokenDesk, tokens: CompositionTokens) -> None:
    token = await token_for(tokens)
    uses = [desk.check_and_burn(token, "export:create", "rec-1") for _ in range(100)]
    outcomes = await asyncio.gather(*uses, return_exceptions=True)
    assert sum(isinstance(outcome, Burned) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, TokenRejected) for outcome in outcomes) == 99


async def test_what_it_is_not_for_is_refused_and_leaves_it_good(desk: TokenDesk, tokens: CompositionTokens) -> None:
    token = await token_for(tokens, "preview:read")
    await refused(desk, token)
    await refused(desk, token, "preview:read", "rec-2")
    await refused(desk, token + "x", "preview:read")
    await refused(desk, "", "preview:read")
    await desk.check_and_burn(token, "preview:read", "rec-1")


async def test_an_expired_one_is_refused(desk: TokenDesk, tokens: CompositionTokens, clock: HandClock) -> None:
    token = await token_for(tokens)
    clock.now_s += 30 * 60 + 1
    await refused(desk, token)


async def test_it_is_given_back_once(desk: TokenDesk, tokens: CompositionTokens) -> None:
    token = await token_for(tokens)
    burned = await desk.check_and_burn(token, "export:create", "rec-1")
    assert await desk.give_back(burned.receipt) is True
    assert await desk.give_back(burned.receipt) is False
    await desk.check_and_burn(token, "export:create", "rec-1")


@pytest.mark.parametrize("receipt", ["", "nonsense", "0" * 64])
async def test_what_is_no_receipt_gives_nothing_back(desk: TokenDesk, receipt: str) -> None:
    assert await desk.give_back(receipt) is False


async def test_checking_uses_nothing_up(desk: TokenDesk, tokens: CompositionTokens) -> None:
    token = await token_for(tokens)
    assert await desk.check(token, "export:create", "rec-1") in (None, Holder("ada", "room-1"))
    await desk.check_and_burn(token, "export:create", "rec-1")


async def test_without_redis_nothing_is_allowed(desk: TokenDesk, tokens: CompositionTokens, valkey: Valkey) -> None:
    token = await token_for(tokens)
    valkey.kill()
    with pytest.raises(QueueUnavailable):
        await desk.check_and_burn(token, "export:create", "rec-1")
