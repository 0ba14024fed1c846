"""Composition tokens: what is refused, in which words, and what a token tells."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from scheduler_api.auth.access import SCOPES, Scope
from scheduler_api.auth.claims import UserTokens
from scheduler_api.auth.token_store import TokenStore
from scheduler_api.auth.tokens import AUDIENCE, TTL_S, CompositionTokens, IssuedToken
from scheduler_api.errors import Forbidden, NotAuthenticated, TokenRejected
from scheduler_api.redis_client import redis_client
from tests.support.auth import (
    COMPOSITION_RING,
    NOW_S,
    OTHER_RECORDING,
    RECORDING,
    ROOM,
    USER_SECRET,
    HandClock,
    forged_jwt,
    person,
    run,
    secret,
    tokens_of,
)
from tests.support.valkey import Valkey

KEY_ID, KEY = COMPOSITION_RING[0]
HEADER = {"alg": "HS256", "typ": "JWT", "kid": KEY_ID}
ADA = "ada@example.org"

REJECTED = "the composition token is invalid, used or expired; ask for a new one"
NOT_PERMITTED = "this token does not permit that action on that recording; ask for one that does"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def unconnected(clock: HandClock) -> CompositionTokens:
    """Checks tokens; there is no Redis behind it, and `check` needs none."""
    return tokens_of(Redis(port=1), clock)


def claims(**changes: Any) -> dict[str, Any]:
    good: dict[str, Any] = {"aud": AUDIENCE, "sub": ADA, "jti": "j", "recording_id": RECORDING, "room_id": ROOM}
    good |= {"scope": list(SCOPES), "iat": int(NOW_S), "exp": int(NOW_S) + TTL_S} | changes
    return {name: value for name, value in good.items() if value is not None}


def signed(**changes: Any) -> str:
    return forged_jwt(HEADER, claims(**changes), KEY.encode())


def assert_rejected(tokens: CompositionTokens, token: str, action: Scope = "preview:read") -> None:
    with pytest.raises(TokenRejected) as refused:
        tokens.check(token, action, RECORDING)
    assert str(refused.value) == REJECTED
    assert refused.value.args == ()
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__, "what lies behind may quote the token"


def with_tokens(valkey: Valkey, work: Callable[[CompositionTokens], Awaitable[None]]) -> None:
    async def connected() -> None:
        async with redis_client(valkey.url) as client:
            await work(tokens_of(client))

    run(connected())


def test_the_token_issued_is_the_one_asked_for(valkey: Valkey) -> None:
    async def work(tokens: CompositionTokens) -> None:
        issued = await tokens.issue(ADA, RECORDING, ROOM, {"export:create", "preview:read"})
        assert issued == IssuedToken(
            issued.token,
            datetime.fromtimestamp(NOW_S + TTL_S, UTC),
            ("preview:read", "export:create"),
            RECORDING,
            ROOM,
        )
        assert issued.token not in repr(issued)
        assert issued.token.startswith("eyJhbGciOi")
        checked = tokens.check(issued.token, "export:create", RECORDING)
        assert (checked.subject, checked.room_id, checked.recording_id) == (ADA, ROOM, RECORDING)
        body = jwt.decode(issued.token, options={"verify_signature": False})
        assert body.keys() == {"aud", "sub", "jti", "iat", "exp", "recording_id", "room_id", "scope"}
        assert body["exp"] == NOW_S + TTL_S
        assert (await tokens.issue(ADA, RECORDING, ROOM, SCOPES)).token != issued.token

    with_tokens(valkey, work)


def test_redis_holds_no_token_and_forgets_after_30_minutes(valkey: Valkey) -> None:
    async def work(tokens: CompositionTokens) -> None:
        issued = await tokens.issue(ADA, RECORDING, ROOM, SCOPES)
        async with redis_client(valkey.url) as client:
            (key,) = await client.keys("*")
            assert 1_795_000 < await client.pttl(key) <= 1_800_000
            held = f"{key!r} {await client.get(key)!r}"
        assert re.fullmatch("b'farm:token:[0-9a-f]{64}' b'[0-9a-f]{80}'", held)
        assert all(part not in held for part in issued.token.split("."))

    with_tokens(valkey, work)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "shelves"},
        {"aud": None},
        {"aud": "composition-service2"},
        {"aud": ""},
        {"exp": int(NOW_S)},
        {"exp": int(NOW_S) - 1},
        {"exp": None},
        {"exp": "never"},
        {"exp": float("inf")},
        {"nbf": int(NOW_S) + 1},
        {"sub": None},
        {"jti": None},
        {"scope": None},
        {"room_id": None},
        {"recording_id": None},
    ],
    ids=str,
)
def test_wrong_claims_are_rejected_even_with_our_signature(
    unconnected: CompositionTokens, changes: dict[str, Any]
) -> None:
    assert_rejected(unconnected, signed(**changes))


def test_expired_is_expired_by_our_clock(unconnected: CompositionTokens, clock: HandClock) -> None:
    token = signed()
    clock.now_s = NOW_S + TTL_S - 0.001
    unconnected.check(token, "preview:read", RECORDING)
    clock.now_s = NOW_S + TTL_S
    assert_rejected(unconnected, token)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 0, [], "HS384", "HS512", "RS256", "PS256"])
@pytest.mark.parametrize("key", [None, b"", KEY.encode()], ids=["unsigned", "empty key", "our key"])
def test_the_header_does_not_choose_the_algorithm(
    unconnected: CompositionTokens, alg: object, key: bytes | None
) -> None:
    assert_rejected(unconnected, forged_jwt(HEADER | {"alg": alg}, claims(), key))


@pytest.mark.parametrize(
    "kid",
    ["c1", "c3", "", "C2", "c2 ", "c2\0", "../c2", "/dev/null", "' OR 1=1 --", 0, None, True, ["c2"], {"c2": 1}],
    ids=str,
)
def test_the_kid_only_names_a_key_of_the_ring(unconnected: CompositionTokens, kid: object) -> None:
    """c1 is in the ring, but did not sign this."""
    assert_rejected(unconnected, forged_jwt(HEADER | {"kid": kid}, claims(), KEY.encode()))
    assert_rejected(unconnected, forged_jwt(HEADER | {"kid": kid}, claims(), b""))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_the_right_key_with_another_algorithm_is_rejected(algorithm: str) -> None:
    key = secret("long enough") + secret("for SHA-512")
    tokens = CompositionTokens(TokenStore(Redis(port=1)), ((KEY_ID, key),), HandClock())
    tokens.check(jwt.encode(claims(), key, "HS256", headers={"kid": KEY_ID}), "preview:read", RECORDING)
    assert_rejected(tokens, jwt.encode(claims(), key, algorithm, headers={"kid": KEY_ID}))


def test_a_token_without_a_kid_is_rejected(unconnected: CompositionTokens) -> None:
    assert_rejected(unconnected, forged_jwt({"alg": "HS256"}, claims(), KEY.encode()))


def test_a_token_cannot_bring_its_own_key(unconnected: CompositionTokens) -> None:
    evil = secret("evil")
    for brought in ({"jwk": {"kty": "oct", "k": "ZXZpbA"}}, {"jku": "https://evil.example"}, {"x5u": "file:///x"}):
        assert_rejected(unconnected, forged_jwt(HEADER | brought, claims(), evil.encode()))


def test_an_rsa_signature_is_rejected(unconnected: CompositionTokens) -> None:
    key = rsa.generate_private_key(65537, 2048)
    assert_rejected(unconnected, jwt.encode(claims(), key, "RS256", headers={"kid": KEY_ID}))


def test_a_user_token_is_no_composition_token_and_the_other_way_round(unconnected: CompositionTokens) -> None:
    users = UserTokens.with_secret(USER_SECRET, HandClock())
    assert_rejected(unconnected, users.issue(person(role="host")))
    assert_rejected(unconnected, forged_jwt(HEADER, claims(), USER_SECRET.encode()))
    with pytest.raises(NotAuthenticated):
        users.verify(signed())
    shared = UserTokens.with_secret(KEY, HandClock())
    with pytest.raises(NotAuthenticated):
        shared.verify(signed())


@given(st.data())
def test_a_changed_character_breaks_a_token(data: st.DataObject) -> None:
    tokens = tokens_of(Redis(port=1))
    token = signed()
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[at]))
    assert_rejected(tokens, token[:at] + other + token[at + 1 :])


def test_a_tampered_body_is_rejected(unconnected: CompositionTokens) -> None:
    head, _, mac = signed(scope=["preview:read"]).split(".")
    _, body, _ = signed().split(".")
    assert_rejected(unconnected, f"{head}.{body}.{mac}", "export:create")


@given(st.text(max_size=80) | st.from_regex(r"\A[\w=-]{0,20}\.[\w=-]{0,40}\.[\w=-]{0,20}\Z"))
def test_any_text_is_rejected(text: str) -> None:
    assert_rejected(tokens_of(Redis(port=1)), text)


@pytest.mark.parametrize("header", ["null", "[]", "3", '"alg"', "[" * 10_000, "{" * 10, '{"alg": NaN}'])
def test_a_header_that_is_no_object_is_rejected(unconnected: CompositionTokens, header: str) -> None:
    good = signed()
    head = base64.urlsafe_b64encode(header.encode()).rstrip(b"=").decode()
    assert_rejected(unconnected, ".".join((head, *good.split(".")[1:])))


@pytest.mark.parametrize("scopes", [["preview:read"], ["composition:write"], ["export:create"], []])
@pytest.mark.parametrize("action", SCOPES)
def test_a_token_permits_its_scopes_alone(unconnected: CompositionTokens, scopes: list[Scope], action: Scope) -> None:
    token = signed(scope=scopes)
    if action in scopes:
        assert unconnected.check(token, action, RECORDING).subject == ADA
    else:
        with pytest.raises(Forbidden) as refused:
            unconnected.check(token, action, RECORDING)
        assert str(refused.value) == NOT_PERMITTED


@pytest.mark.parametrize("recording", [OTHER_RECORDING, "", RECORDING.upper(), RECORDING + "\0", f"../{RECORDING}"])
def test_a_token_is_for_its_recording_alone(unconnected: CompositionTokens, recording: str) -> None:
    with pytest.raises(Forbidden) as refused:
        unconnected.check(signed(), "preview:read", recording)
    assert str(refused.value) == NOT_PERMITTED


def test_no_refusal_quotes_what_it_refuses(unconnected: CompositionTokens) -> None:
    for token in (signed(recording_id="secret-recording"), signed(sub="secret-subject", scope=[]), "secret-text"):
        with pytest.raises((TokenRejected, Forbidden)) as refused:
            unconnected.check(token, "export:create", RECORDING)
        told = f"{refused.value} {refused.value!r} {json.dumps(refused.value.args)}"
        assert "secret" not in told
        assert token not in told
        assert RECORDING not in told


def test_keys_rotate(valkey: Valkey) -> None:
    new, old = COMPOSITION_RING

    async def work() -> None:
        async with redis_client(valkey.url) as client:
            store = TokenStore(client)
            before, between, after = (CompositionTokens(store, r, HandClock()) for r in ((old,), (new, old), (new,)))
            token = (await before.issue(ADA, RECORDING, ROOM, SCOPES)).token
            await between.burn(between.check(token, "preview:read", RECORDING))
            assert_rejected(after, (await before.issue(ADA, RECORDING, ROOM, SCOPES)).token)
            by_new = (await between.issue(ADA, RECORDING, ROOM, SCOPES)).token
            await after.burn(after.check(by_new, "preview:read", RECORDING))

    run(work())
