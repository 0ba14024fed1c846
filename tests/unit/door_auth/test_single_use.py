"""A token is used once: under attack, given back, and while Redis goes away, comes back, or comes back older."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from scheduler_api.auth.access import SCOPES, Scope
from scheduler_api.auth.token_store import GIVE_BACK_MS, TokenStore
from scheduler_api.auth.tokens import CheckedToken, CompositionTokens
from scheduler_api.errors import Forbidden, QueueUnavailable, TokenRejected
from scheduler_api.redis_client import redis_client
from tests.support.auth import RECORDING, ROOM, run, tokens_of, use_from_processes
from tests.support.valkey import Valkey

PROCESSES, DESKS_EACH, USES = 4, 2, 1000


async def issue(tokens: CompositionTokens, scopes: tuple[Scope, ...] = SCOPES) -> CheckedToken:
    issued = await tokens.issue("ada", RECORDING, ROOM, scopes)
    return tokens.check(issued.token, scopes[0], RECORDING)


def with_redis(valkey: Valkey, work: Callable[[CompositionTokens, Redis], Awaitable[None]]) -> None:
    async def connected() -> None:
        async with redis_client(valkey.url) as client:
            await work(tokens_of(client), client)

    run(connected())


def test_of_a_thousand_uses_at_once_one_succeeds(valkey: Valkey) -> None:
    tokens: list[str] = []

    async def work(desk: CompositionTokens, _: Redis) -> None:
        tokens.append((await desk.issue("ada", RECORDING, ROOM, SCOPES)).token)

    with_redis(valkey, work)
    outcomes = use_from_processes(valkey.url, tokens[0], PROCESSES, USES // PROCESSES, DESKS_EACH)
    assert sum(succeeded for succeeded, _ in outcomes) == 1
    assert sum(rejected for _, rejected in outcomes) == USES - 1


def test_each_of_many_tokens_is_used_once(valkey: Valkey) -> None:
    """Many tokens, each tried by two services at once: every one is used, none twice."""

    async def work(desk: CompositionTokens, _: Redis) -> None:
        async with redis_client(valkey.url) as second:
            other = tokens_of(second)
            checked = [await issue(desk) for _ in range(200)]
            burns = [one.burn(token) for token in checked for one in (desk, other)]
            outcomes = await asyncio.gather(*burns, return_exceptions=True)
        for first, again in zip(outcomes[::2], outcomes[1::2], strict=True):
            assert isinstance(first, TokenRejected) != isinstance(again, TokenRejected)

    with_redis(valkey, work)


def test_a_replay_is_rejected_in_any_service(valkey: Valkey) -> None:
    async def work(desk: CompositionTokens, client: Redis) -> None:
        checked = await issue(desk)
        await desk.burn(checked)
        for tokens in (desk, tokens_of(client)):
            with pytest.raises(TokenRejected) as refused:
                await tokens.burn(checked)
            assert str(refused.value) == str(TokenRejected())

    with_redis(valkey, work)


def test_a_preview_token_is_refused_for_an_export_and_stays_unused(valkey: Valkey) -> None:
    async def work(desk: CompositionTokens, _: Redis) -> None:
        issued = await desk.issue("ada", RECORDING, ROOM, ("preview:read",))
        with pytest.raises(Forbidden):
            desk.check(issued.token, "export:create", RECORDING)
        await desk.burn(desk.check(issued.token, "preview:read", RECORDING))

    with_redis(valkey, work)


def test_a_token_with_a_good_signature_that_was_never_noted_is_rejected(valkey: Valkey) -> None:
    """The ring alone does not make a token: who has it, but not Redis, makes none."""

    async def work(desk: CompositionTokens, client: Redis) -> None:
        checked = await issue(desk)
        await client.flushdb()
        with pytest.raises(TokenRejected):
            await desk.burn(checked)

    with_redis(valkey, work)


def test_given_back_it_can_be_used_once_more(valkey: Valkey) -> None:
    async def work(desk: CompositionTokens, _: Redis) -> None:
        checked = await issue(desk)
        receipt = await desk.burn(checked)
        assert receipt.receipt not in repr(receipt)
        assert await desk.give_back(receipt.receipt)
        await desk.burn(checked)
        with pytest.raises(TokenRejected):
            await desk.burn(checked)

    with_redis(valkey, work)


def test_of_many_give_backs_of_one_receipt_one_counts(valkey: Valkey) -> None:
    async def work(desk: CompositionTokens, client: Redis) -> None:
        other = tokens_of(client)
        checked = await issue(desk)
        receipt = (await desk.burn(checked)).receipt
        given = await asyncio.gather(*(one.give_back(receipt) for one in (desk, other) * 50))
        assert given.count(True) == 1
        await desk.burn(checked)
        assert not await desk.give_back(receipt), "an old receipt does not undo a later use"
        with pytest.raises(TokenRejected):
            await desk.burn(checked)

    with_redis(valkey, work)


def test_each_use_has_a_receipt_of_its_own(valkey: Valkey) -> None:
    async def work(desk: CompositionTokens, _: Redis) -> None:
        checked = await issue(desk)
        first = await desk.burn(checked)
        await desk.give_back(first.receipt)
        second = await desk.burn(checked)
        assert second != first
        assert not await desk.give_back(first.receipt)
        assert await desk.give_back(second.receipt)

    with_redis(valkey, work)


def test_given_back_it_has_the_rest_of_its_life_and_no_more(valkey: Valkey) -> None:
    async def work(desk: CompositionTokens, client: Redis) -> None:
        checked = await issue(desk)
        key = f"farm:token:{checked.sha256}"
        ends_ms = await client.pexpiretime(key)
        for _ in range(3):
            receipt = await desk.burn(checked)
            assert await desk.give_back(receipt.receipt)
            assert await client.pexpiretime(key) == ends_ms

    with_redis(valkey, work)


def test_a_receipt_works_for_a_minute(valkey: Valkey) -> None:
    async def work(desk: CompositionTokens, client: Redis) -> None:
        checked = await issue(desk)
        receipt = (await desk.burn(checked)).receipt
        key = f"farm:receipt:{receipt}"
        assert GIVE_BACK_MS - 5000 < await client.pttl(key) <= GIVE_BACK_MS == 60_000
        await client.pexpire(key, 1)  # a minute later
        while await client.exists(key):
            await asyncio.sleep(0.001)
        assert not await desk.give_back(receipt)
        with pytest.raises(TokenRejected):
            await desk.burn(checked)

    with_redis(valkey, work)


def test_a_token_that_ended_meanwhile_is_not_given_back(valkey: Valkey) -> None:
    async def work(desk: CompositionTokens, client: Redis) -> None:
        checked = await issue(desk)
        key = f"farm:token:{checked.sha256}"
        await client.pexpire(key, 200)  # the last moments of its half hour
        ends_ms = await client.pexpiretime(key)
        receipt = (await desk.burn(checked)).receipt
        while (now := await client.time())[0] * 1000 + now[1] / 1000 <= ends_ms:
            await asyncio.sleep(0.01)
        assert not await desk.give_back(receipt)
        assert not await client.exists(key)

    with_redis(valkey, work)


@pytest.mark.parametrize(
    "forge",
    [
        lambda receipt: "",
        lambda receipt: receipt[:-1],
        lambda receipt: receipt + "A",
        lambda receipt: receipt[:65] + "A" * 22,
        lambda receipt: "0" * 64 + receipt[64:],
        lambda receipt: receipt.upper(),
        lambda receipt: f"{receipt}\n",
        lambda receipt: receipt.replace(".", ":"),
        lambda receipt: "*",
        lambda receipt: "\0",
        lambda receipt: "é" * 87,
        lambda receipt: f"farm:receipt:{receipt}",
    ],
)
def test_a_forged_receipt_gives_nothing_back(valkey: Valkey, forge: Callable[[str], str]) -> None:
    async def work(desk: CompositionTokens, client: Redis) -> None:
        receipt = (await desk.burn(await issue(desk))).receipt
        assert not await desk.give_back(forge(receipt))
        assert await client.keys("farm:token:*") == []
        assert await desk.give_back(receipt)

    with_redis(valkey, work)


# Redis goes away, comes back, and comes back older.


def test_without_redis_everything_is_refused(valkey: Valkey) -> None:
    async def work(desk: CompositionTokens, _: Redis) -> None:
        checked = await issue(desk)
        receipt = (await desk.burn(await issue(desk))).receipt
        valkey.kill()
        began = time.monotonic()
        for attempt in (desk.burn(checked), desk.give_back(receipt), desk.issue("ada", RECORDING, ROOM, SCOPES)):
            with pytest.raises(QueueUnavailable) as refused:
                await attempt
            assert str(valkey.port) not in str(refused.value)
        assert time.monotonic() - began < 30

    with_redis(valkey, work)


def test_a_redis_that_refuses_is_unavailable_too(valkey: Valkey) -> None:
    """One that is full, or a replica, answers with an error: no token is issued that could not be used."""

    async def work(desk: CompositionTokens, client: Redis) -> None:
        checked = await issue(desk)
        await client.config_set("maxmemory", 1)
        try:
            with pytest.raises(QueueUnavailable):
                await desk.issue("ada", RECORDING, ROOM, SCOPES)
        finally:
            await client.config_set("maxmemory", 0)
        await client.replicaof("127.0.0.1", _unused_port())
        try:
            with pytest.raises(QueueUnavailable):
                await desk.burn(checked)
        finally:
            await client.replicaof("NO", "ONE")

    with_redis(valkey, work)


def test_an_older_snapshot_revives_no_used_token(valkey: Valkey) -> None:
    async def work(desk: CompositionTokens, client: Redis) -> None:
        used, unused = await issue(desk), await issue(desk)
        valkey.save()
        await desk.burn(used)
        valkey.restart("saved")
        assert await client.exists(f"farm:token:{used.sha256}"), "the old data are back: the test is worth something"
        for checked in (used, unused):
            with pytest.raises(TokenRejected):
                await desk.burn(checked)
        await desk.burn(await issue(desk))

    with_redis(valkey, work)


def test_an_older_snapshot_revives_no_receipt(valkey: Valkey) -> None:
    async def work(desk: CompositionTokens, client: Redis) -> None:
        checked = await issue(desk)
        receipt = (await desk.burn(checked)).receipt
        valkey.save()
        assert await desk.give_back(receipt)
        await desk.burn(checked)
        valkey.restart("saved")
        assert await client.exists(f"farm:receipt:{receipt}")
        assert not await desk.give_back(receipt)
        with pytest.raises(TokenRejected):
            await desk.burn(checked)

    with_redis(valkey, work)


@pytest.mark.parametrize("data", ["all", "none"])
def test_a_restart_ends_tokens_with_and_without_its_data(valkey: Valkey, data: str) -> None:
    async def work(desk: CompositionTokens, _: Redis) -> None:
        checked = await issue(desk)
        valkey.restart("all" if data == "all" else "none")
        with pytest.raises(TokenRejected):
            await desk.burn(checked)
        await desk.burn(await issue(desk))

    with_redis(valkey, work)


def test_a_failover_to_a_replica_that_missed_the_use_revives_nothing(valkey: Valkey) -> None:
    """The primary dies before its replica has heard of the last use; the replica is promoted, and later goes back."""
    with Valkey() as replica:
        run(_fail_over(valkey, replica))


async def _fail_over(valkey: Valkey, replica: Valkey) -> None:
    async with redis_client(valkey.url) as first, redis_client(replica.url) as second:
        for primary in (first, second):
            await primary.config_set("repl-diskless-sync-delay", 0)
        await second.replicaof("127.0.0.1", valkey.port)
        await _until(lambda: _is_linked(second))
        desk = tokens_of(first)
        checked = await issue(desk)
        await first.wait(1, 5000)
        await second.replicaof("NO", "ONE")  # cut off: it does not hear of the use
        await desk.burn(checked)
        assert await second.exists(f"farm:token:{checked.sha256}")
        with pytest.raises(TokenRejected):
            await tokens_of(second).burn(checked)
        # The old primary follows the new one, gets its older data in the same process, and is promoted again.
        await issue(tokens_of(second))
        stale = f"farm:token:{checked.sha256}"
        await second.set(stale, await _note_of_first_reign(first), px=60_000)
        await first.replicaof("127.0.0.1", replica.port)
        await _until(lambda: first.exists(stale))
        await first.replicaof("NO", "ONE")
        assert await first.exists(stale)
        with pytest.raises(TokenRejected):
            await desk.burn(checked)


async def _note_of_first_reign(client: Redis) -> str | bytes:
    """The note as this server wrote it: what a replica that missed the use still holds."""
    checked = await issue(tokens_of(client))
    note = await client.getdel(f"farm:token:{checked.sha256}")
    assert note is not None
    return note


async def _is_linked(client: Redis) -> bool:
    return bool((await client.info("replication")).get("master_link_status") == "up")


async def _until(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.02)


# An answer that is lost on the way.


def test_a_take_that_is_repeated_because_its_answer_was_lost_succeeds_once(valkey: Valkey) -> None:
    """The connection breaks after Redis ran the first try; redis-py tries again, and finds its own receipt."""

    async def work(desk: CompositionTokens, client: Redis) -> None:
        checked = await issue(desk)
        async with _AnswerLoser(valkey.port) as loser:
            retry = Retry(NoBackoff(), 1)
            async with Redis(port=loser.port, retry=retry) as behind:
                await behind.script_load(TokenStore(behind)._take.script)
                loser.lose_next()
                receipt = await tokens_of(behind).burn(checked)
                assert loser.lost == 1
        with pytest.raises(TokenRejected):
            await desk.burn(checked)
        assert await desk.give_back(receipt.receipt)

    with_redis(valkey, work)


class _AnswerLoser:
    """A proxy before Redis that passes a request on, waits for the answer, and hangs up instead of giving it."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._losing = False
        self._serving: set[asyncio.Task[None] | None] = set()
        self.lost = 0

    def lose_next(self) -> None:
        self._losing = True

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> _AnswerLoser:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.gather(*filter(None, self._serving))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.current_task())
        answers, requests = await asyncio.open_connection("127.0.0.1", self._behind)
        await asyncio.gather(self._pass_requests(reader, requests), self._pass_answers(answers, writer))

    async def _pass_requests(self, reader: asyncio.StreamReader, requests: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            requests.write(data)
        requests.close()

    async def _pass_answers(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await answers.read(65536):
            if self._losing:
                self._losing, self.lost = False, self.lost + 1
                break
            writer.write(data)
        writer.close()


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
