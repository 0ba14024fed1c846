"""Reading a signed JWT (RFC 7519) with nothing left to the token's own choice (RFC 8725).

Takes the text, and for its `kid` the key and the one algorithm that goes with it; gives the claims. Promises: the
algorithm comes from the key, never from the header, so `none` and a public key used as an HMAC secret are refused;
keys that a token brings along (jwk, jku, x5u) are not looked at; times are compared with the clock that is handed
in. Whatever is wrong, the answer is BadJwt without a reason. Must not know what the claims mean.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MAX_TOKEN_CHARS: Final = 16_384
LAST_TIME_S: Final = 10**12  # beyond any date

Clock = Callable[[], float]
"""Unix time in seconds."""


class BadJwt(Exception):
    """It is not a token that can be believed now. Never leaves `auth`, and never says why."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A key and the only algorithm that it may verify."""

    key: str | RSAPublicKey = field(repr=False)
    algorithm: str


KeyLookup = Callable[[object], VerifyingKey | None]
"""The key for a header's `kid` (None: there is none), whatever that may be; None: there is no such key."""


def read_jwt(
    token: str, keys: KeyLookup, audience: str, now_s: float, *, required: Collection[str], leeway_s: float = 0.0
) -> dict[str, Any]:
    """The claims of `token`. `exp`, `aud` and `required` must be there; raises BadJwt."""
    if not token.isascii() or len(token) > MAX_TOKEN_CHARS:
        raise BadJwt
    try:
        claims = _verified(token, keys, audience, required)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise BadJwt from None  # the cause may quote the token
    _check_times(claims, now_s, leeway_s)
    return claims


def _verified(token: str, keys: KeyLookup, audience: str, required: Collection[str]) -> dict[str, Any]:
    key = keys(jwt.get_unverified_header(token).get("kid"))
    if key is None:
        raise BadJwt
    return jwt.decode(
        token,
        key.key,
        algorithms=[key.algorithm],
        audience=audience,
        options={
            "require": ["exp", "aud", *required],
            "verify_exp": False,  # against our clock, below
            "verify_nbf": False,
            "verify_iat": False,
        },
    )


def _check_times(claims: dict[str, Any], now_s: float, leeway_s: float) -> None:
    if now_s >= _time(claims["exp"]) + leeway_s:
        raise BadJwt
    if "nbf" in claims and now_s + leeway_s < _time(claims["nbf"]):
        raise BadJwt


def _time(value: object) -> float:
    """A NumericDate (RFC 7519, section 2); JSON lets NaN, huge numbers and truth values through."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LAST_TIME_S:
        raise BadJwt
    return value
