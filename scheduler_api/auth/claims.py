"""User tokens: the JWT by which Shelves says who calls. Takes a token, gives UserClaims or NotAuthenticated.

Shelves signs with HS256 and a secret that both know, or with RS256 and keys that it publishes as a JWKS (RFC 7517).
Which of the two is settled when UserTokens is made, and cannot be changed by a token. A claim that cannot be
understood is no claim: a room whose id or role is unknown is left out. Must not know policies, nor read a clock.
"""

from __future__ import annotations

import json
from typing import Any, Final, cast, get_args

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from farm.errors import BadSetting
from scheduler_api.auth.access import Role, UserClaims
from scheduler_api.auth.jwts import BadJwt, Clock, KeyLookup, VerifyingKey, read_jwt
from scheduler_api.errors import NotAuthenticated
from storage.errors import InvalidKey
from storage.keys import check_id

__all__ = ["Role", "UserClaims", "UserTokens"]

AUDIENCE: Final = "shelves"
DEVELOPMENT_TTL_S: Final = 12 * 3600
MAX_SUBJECT_CHARS: Final = 256
MIN_RSA_BITS: Final = 2048

_LEEWAY_S: Final = 10.0  # two services' clocks differ a little
_ROLES: Final = frozenset(get_args(Role))


class UserTokens:
    """Verifies user tokens, and in development issues them."""

    def __init__(self, keys: KeyLookup, now: Clock, audience: str = AUDIENCE, secret: str | None = None) -> None:
        self._keys, self._now, self._audience, self._secret = keys, now, audience, secret

    @classmethod
    def with_secret(cls, secret: str, now: Clock, audience: str = AUDIENCE) -> UserTokens:
        """Tokens signed by HS256 with `secret`, which Shelves and this service share."""
        key = VerifyingKey(secret, "HS256")
        return cls(lambda kid: key, now, audience, secret)

    @classmethod
    def with_jwks(cls, document: str, now: Clock, audience: str = AUDIENCE) -> UserTokens:
        """Tokens signed by RS256 with a key of this JWKS; raises BadSetting if it has no usable key."""
        return cls(_rsa_keys(document), now, audience)

    def verify(self, token: str) -> UserClaims:
        """Who the token speaks for; raises NotAuthenticated, always in the same words."""
        try:
            claims = read_jwt(
                token, self._keys, self._audience, self._now(), required=("sub",), leeway_s=_LEEWAY_S
            )
            return _user(claims)
        except BadJwt:
            raise NotAuthenticated from None

    def issue(self, user: UserClaims, ttl_s: int = DEVELOPMENT_TTL_S) -> str:
        """A token for `user`, for trying things out; only where the secret is at hand."""
        if self._secret is None:
            raise BadSetting("FARM_USER_TOKEN_JWKS", "Shelves alone can sign user tokens when its public keys are set")
        now_s = int(self._now())
        claims = {
            "aud": self._audience,
            "sub": user.sub,
            "iat": now_s,
            "exp": now_s + ttl_s,
            "logged_in": user.logged_in,
            "rooms": dict(user.rooms),
            "shelf_rooms": sorted(user.shelf_rooms),
        }
        return jwt.encode(claims, self._secret, algorithm="HS256")


def _user(claims: dict[str, Any]) -> UserClaims:
    sub, rooms, shelves = claims["sub"], claims.get("rooms", {}), claims.get("shelf_rooms", [])
    if not sub or len(sub) > MAX_SUBJECT_CHARS or not isinstance(rooms, dict) or not isinstance(shelves, list):
        raise BadJwt
    return UserClaims(
        sub=sub,
        logged_in=claims.get("logged_in") is True,
        rooms={room: cast(Role, role) for room, role in rooms.items() if _is_room(room) and _is_role(role)},
        shelf_rooms=frozenset(room for room in shelves if _is_room(room)),
    )


def _is_role(value: object) -> bool:
    return isinstance(value, str) and value in _ROLES


def _is_room(value: object) -> bool:
    """Whether a recording can lie in such a room: ids become paths."""
    try:
        return isinstance(value, str) and check_id(value) == value
    except InvalidKey:
        return False


def _rsa_keys(document: str) -> KeyLookup:
    keys = {kid: VerifyingKey(key, "RS256") for kid, key in _usable_keys(document)}
    if not keys:
        raise BadSetting("FARM_USER_TOKEN_JWKS", f"it holds no RSA signing key of {MIN_RSA_BITS} bits or more")
    only = next(iter(keys.values())) if len(keys) == 1 else None

    def lookup(kid: object) -> VerifyingKey | None:
        if kid is None:
            return only
        return keys.get(kid) if isinstance(kid, str) else None

    return lookup


def _usable_keys(document: str) -> list[tuple[str | None, RSAPublicKey]]:
    """The RSA keys for RS256 signatures; those of other kinds, and for encryption, are not ours to use."""
    try:
        entries = json.loads(document)["keys"]
        wanted = [entry for entry in entries if _is_for_rs256(entry)]
        keys = [(entry.get("kid"), jwt.PyJWK(entry, "RS256").key) for entry in wanted]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, jwt.PyJWTError):
        raise BadSetting("FARM_USER_TOKEN_JWKS", "it is not a JWKS document (RFC 7517)") from None
    return [(kid, key) for kid, key in keys if isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS]


def _is_for_rs256(entry: dict[str, Any]) -> bool:
    return (entry["kty"], entry.get("use", "sig"), entry.get("alg", "RS256")) == ("RSA", "sig", "RS256")
