"""User tokens: only what Shelves signed, for us, in time; and only claims that can be understood."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from farm.errors import BadSetting
from scheduler_api.auth.claims import UserClaims, UserTokens
from scheduler_api.errors import NotAuthenticated
from tests.support.auth import NOW_S, USER_SECRET, HandClock, forged_jwt, secret

HS = {"alg": "HS256", "typ": "JWT"}
REFUSAL = str(NotAuthenticated())


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def tokens(clock: HandClock) -> UserTokens:
    return UserTokens.with_secret(USER_SECRET, clock)


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def claims(**changes: Any) -> dict[str, Any]:
    return {"aud": "shelves", "sub": "ada", "exp": int(NOW_S) + 60, "logged_in": True} | changes


def signed(**changes: Any) -> str:
    return forged_jwt(HS, claims(**changes), USER_SECRET.encode())


def jwks(*keys: rsa.RSAPrivateKey, **changes: Any) -> str:
    entries = [json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": f"k{i}"} for i, key in enumerate(keys)]
    return json.dumps({"keys": [{k: v for k, v in (entry | changes).items() if v is not None} for entry in entries]})


def signed_rs(key: rsa.RSAPrivateKey, kid: str | None = "k0", algorithm: str = "RS256", **changes: Any) -> str:
    headers = {"kid": kid} if kid is not None else {}
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=headers)


def assert_refused(tokens: UserTokens, token: str) -> None:
    with pytest.raises(NotAuthenticated) as refused:
        tokens.verify(token)
    assert str(refused.value) == REFUSAL
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__, "what lies behind may quote the token"


def test_an_issued_token_says_who_calls(tokens: UserTokens) -> None:
    user = UserClaims("ada", True, {"room-a": "host", "room-b": "participant"}, frozenset({"room-c", "room-d"}))
    assert tokens.verify(tokens.issue(user)) == user


def test_a_token_of_another_issuer_with_our_secret_is_read(tokens: UserTokens) -> None:
    token = signed(aud=["billing", "shelves"], iss="https://shelves.example", rooms={"r1": "co_host"}, extra=[1])
    assert tokens.verify(token) == UserClaims("ada", True, {"r1": "co_host"}, frozenset())


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "composition-service"},
        {"aud": ["shelves-2"]},
        {"aud": None},
        {"aud": {}},
        {"aud": ""},
        {"exp": int(NOW_S) - 11},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": 10**400},
        {"exp": [int(NOW_S) + 60]},
        {"nbf": int(NOW_S) + 11},
        {"nbf": "now"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": ["ada"]},
        {"sub": "a" * 257},
        {"rooms": ["room-a"]},
        {"rooms": "room-a"},
        {"shelf_rooms": {"room-a": True}},
        {"shelf_rooms": "room-a"},
        {"jti": 5},
    ],
    ids=str,
)
def test_a_claim_of_the_wrong_kind_is_refused(tokens: UserTokens, changes: dict[str, Any]) -> None:
    assert_refused(tokens, signed(**changes))


def test_time_is_the_clock_that_was_handed_in(tokens: UserTokens, clock: HandClock) -> None:
    token = signed(exp=int(NOW_S) + 60, nbf=int(NOW_S) - 60)
    clock.now_s = NOW_S + 69.9  # ten seconds of grace between two services' clocks
    tokens.verify(token)
    for outside in (NOW_S + 70, NOW_S - 71, NOW_S + 10**6):
        clock.now_s = outside
        assert_refused(tokens, token)


@pytest.mark.parametrize(
    ("given_rooms", "understood"),
    [
        ({"a": "host", "b": "owner", "c": "", "d": 1, "e": None, "f": ["host"], "g": "HOST"}, {"a": "host"}),
        ({"../a": "host", "a/b": "host", "": "host", "a..b": "host", "x" * 129: "host", "é": "host"}, {}),
    ],
)
def test_rooms_that_cannot_be_understood_give_nothing(
    tokens: UserTokens, given_rooms: dict[str, Any], understood: dict[str, str]
) -> None:
    assert tokens.verify(signed(rooms=given_rooms)).rooms == understood


def test_shelves_that_cannot_be_understood_give_nothing(tokens: UserTokens) -> None:
    assert tokens.verify(signed(shelf_rooms=["a", "../b", 3, None, ["c"], ""])).shelf_rooms == {"a"}


@pytest.mark.parametrize("logged_in", [None, 1, "true", "yes", [True], {}, False])
def test_only_true_is_logged_in(tokens: UserTokens, logged_in: object) -> None:
    assert tokens.verify(signed(logged_in=logged_in)).logged_in is False


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 0, [], {}, "HS384", "HS512", "RS256"])
@pytest.mark.parametrize("with_signature", [True, False])
def test_the_header_does_not_choose_the_algorithm(tokens: UserTokens, alg: object, with_signature: bool) -> None:
    key = USER_SECRET.encode() if with_signature else None
    assert_refused(tokens, forged_jwt({"alg": alg, "typ": "JWT"}, claims(), key))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_the_right_secret_with_another_algorithm_is_refused(algorithm: str) -> None:
    key = secret("long enough") + secret("for SHA-512")
    tokens = UserTokens.with_secret(key, HandClock())
    tokens.verify(jwt.encode(claims(), key, "HS256"))
    assert_refused(tokens, jwt.encode(claims(), key, algorithm))


def test_a_token_cannot_bring_its_own_key(tokens: UserTokens, rsa_key: rsa.RSAPrivateKey) -> None:
    evil = secret("evil")
    brought = {"jwk": {"kty": "oct", "k": "ZXZpbA"}, "jku": "https://evil.example", "kid": "../../dev/null"}
    assert_refused(tokens, forged_jwt(HS | brought, claims(), evil.encode()))
    by_public_keys = UserTokens.with_jwks(jwks(rsa_key), HandClock())
    another = rsa.generate_private_key(65537, 2048)
    jwk = json.loads(RSAAlgorithm.to_jwk(another.public_key()))
    assert_refused(by_public_keys, jwt.encode(claims(), another, "RS256", headers={"kid": "k0", "jwk": jwk}))


def test_public_keys_verify_rs256(rsa_key: rsa.RSAPrivateKey) -> None:
    second = rsa.generate_private_key(65537, 2048)
    tokens = UserTokens.with_jwks(jwks(rsa_key, second), HandClock())
    assert tokens.verify(signed_rs(rsa_key, "k0")).sub == "ada"
    assert tokens.verify(signed_rs(second, "k1")).sub == "ada"
    for kid in ("k1", "k2", "", None, "../k0"):
        assert_refused(tokens, signed_rs(rsa_key, kid))
    assert_refused(tokens, signed_rs(rsa_key, "k0", aud="other"))


@pytest.mark.parametrize("kid", [0, True, ["k0"], {"k0": 1}, "K0", "k0\0"])
def test_a_kid_that_is_no_name_finds_no_key(rsa_key: rsa.RSAPrivateKey, kid: object) -> None:
    tokens = UserTokens.with_jwks(jwks(rsa_key), HandClock())
    genuine = signed_rs(rsa_key)
    forged = forged_jwt({"alg": "RS256", "kid": kid}, claims())
    assert_refused(tokens, forged + genuine.rpartition(".")[2])


def test_a_single_public_key_needs_no_kid(rsa_key: rsa.RSAPrivateKey) -> None:
    tokens = UserTokens.with_jwks(jwks(rsa_key, kid=None), HandClock())
    assert tokens.verify(signed_rs(rsa_key, None)).sub == "ada"
    assert_refused(tokens, signed_rs(rsa_key, "k0"))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_other_rsa_algorithms_are_not_the_pinned_one(rsa_key: rsa.RSAPrivateKey, algorithm: str) -> None:
    assert_refused(UserTokens.with_jwks(jwks(rsa_key), HandClock()), signed_rs(rsa_key, algorithm=algorithm))


def test_a_public_key_is_no_hmac_secret(rsa_key: rsa.RSAPrivateKey) -> None:
    """RS/HS confusion: everybody has the public key, in one of these forms."""
    tokens = UserTokens.with_jwks(jwks(rsa_key), HandClock())
    public = rsa_key.public_key()
    encodings = [
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1),
        RSAAlgorithm.to_jwk(public).encode(),
        jwks(rsa_key).encode(),
    ]
    for encoded in (*encodings, *(e.strip() for e in encodings)):
        for alg in ("HS256", "RS256"):
            assert_refused(tokens, forged_jwt({"alg": alg, "kid": "k0"}, claims(), encoded))


def test_a_secret_does_not_verify_rs256(tokens: UserTokens, rsa_key: rsa.RSAPrivateKey) -> None:
    assert_refused(tokens, signed_rs(rsa_key))


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{}",
        "[]",
        "null",
        "not json",
        '{"keys": []}',
        '{"keys": 3}',
        '{"keys": [3]}',
        '{"keys": [{}]}',
        '{"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        "[" * 100_000,
    ],
    ids=lambda document: document[:40],
)
def test_a_jwks_without_a_usable_key_is_a_bad_setting(document: str) -> None:
    with pytest.raises(BadSetting, match="FARM_USER_TOKEN_JWKS"):
        UserTokens.with_jwks(document, HandClock())


def test_short_keys_and_keys_for_other_uses_are_not_used(rsa_key: rsa.RSAPrivateKey) -> None:
    short = rsa.generate_private_key(65537, 1024)
    for document in (jwks(short), jwks(rsa_key, use="enc"), jwks(rsa_key, alg="RS512")):
        with pytest.raises(BadSetting):
            UserTokens.with_jwks(document, HandClock())


def test_public_keys_cannot_issue(rsa_key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(BadSetting, match="Shelves"):
        UserTokens.with_jwks(jwks(rsa_key), HandClock()).issue(UserClaims("ada", True, {}, frozenset()))


@given(st.text(max_size=80) | st.from_regex(r"\A[\w=-]{0,20}\.[\w=-]{0,40}\.[\w=-]{0,20}\Z"))
def test_any_text_is_refused_in_the_same_words(text: str) -> None:
    assert_refused(UserTokens.with_secret(USER_SECRET, HandClock()), text)


@given(st.data())
def test_a_changed_character_breaks_a_token(data: st.DataObject) -> None:
    tokens = UserTokens.with_secret(USER_SECRET, HandClock())
    token = signed(rooms={"room-a": "host"})
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[at]))
    assert_refused(tokens, token[:at] + other + token[at + 1 :])


def test_a_huge_token_is_not_read(tokens: UserTokens) -> None:
    assert_refused(tokens, signed(pad="x" * 20_000))
    assert_refused(tokens, forged_jwt(HS, {"a": json.loads("[" * 900 + "]" * 900)}, USER_SECRET.encode()))
