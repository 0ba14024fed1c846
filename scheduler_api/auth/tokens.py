"""Composition tokens: permission for one request, for one recording, used once within 30 minutes.

`issue` makes one for a person whose rights were checked. `check` tells whose it is and what for, from its signature
alone; `burn` uses it up just before the effect; `give_back` undoes a burn whose request then failed. What makes a
token good is both: a signature of our ring (HS256, the key named by `kid`, audience `composition-service`), and the
note of its SHA-256 in the TokenStore, which is taken away atomically. Everything that is wrong with a token itself is
TokenRejected; a good token for another recording or action is Forbidden. Must not know HTTP, nor policies.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import jwt

from scheduler_api.auth.access import SCOPES, Scope
from scheduler_api.auth.jwts import BadJwt, Clock, VerifyingKey, read_jwt
from scheduler_api.auth.token_store import TokenStore
from scheduler_api.errors import Forbidden, TokenRejected
from scheduler_api.secrets import Ring

AUDIENCE: Final = "composition-service"
TTL_S: Final = 30 * 60

_ALGORITHM: Final = "HS256"
_REQUIRED: Final = ("sub", "jti", "recording_id", "room_id", "scope")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """The answer to a request for a token; `scope` is in the order of SCOPES, `expires_at` is in UTC."""

    token: str = field(repr=False)
    expires_at: datetime
    scope: tuple[Scope, ...]
    recording_id: str
    room_id: str


@dataclass(frozen=True, slots=True)
class CheckedToken:
    """A token with a good signature that permits the action asked about; it may have been used already."""

    subject: str
    room_id: str
    recording_id: str
    sha256: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What gives a used token back, once, within 60 s."""

    receipt: str = field(repr=False)


class CompositionTokens:
    """Issues composition tokens, and uses them up. The first key of the ring signs; all of them verify."""

    def __init__(self, store: TokenStore, ring: Ring, now: Clock) -> None:
        self._store, self._ring, self._now = store, ring, now
        self._keys = {key_id: VerifyingKey(secret, _ALGORITHM) for key_id, secret in ring}

    async def issue(self, subject: str, recording_id: str, room_id: str, scopes: Iterable[Scope]) -> IssuedToken:
        """A new token; the caller has checked that `subject` has these rights. Raises QueueUnavailable."""
        wanted = frozenset(scopes)
        scope = tuple(one for one in SCOPES if one in wanted)
        expires = int(self._now()) + TTL_S
        token = self._signed(
            {"sub": subject, "recording_id": recording_id, "room_id": room_id, "scope": scope, "exp": expires}
        )
        await self._store.note(_sha256(token), TTL_S * 1000)
        return IssuedToken(token, datetime.fromtimestamp(expires, UTC), scope, recording_id, room_id)

    def check(self, token: str, action: Scope, recording_id: str) -> CheckedToken:
        """Whose token it is, if it permits `action` on this recording. Raises TokenRejected, Forbidden."""
        try:
            claims = read_jwt(token, self._key, AUDIENCE, self._now(), required=_REQUIRED)
        except BadJwt:
            raise TokenRejected from None
        if claims["recording_id"] != recording_id or action not in claims["scope"]:
            raise Forbidden("this token does not permit that action on that recording; ask for one that does")
        return CheckedToken(claims["sub"], claims["room_id"], recording_id, _sha256(token))

    async def burn(self, checked: CheckedToken) -> Receipt:
        """Uses the token up: of any number of calls one succeeds. Raises TokenRejected, QueueUnavailable."""
        receipt = await self._store.take(checked.sha256)
        if receipt is None:
            raise TokenRejected
        return Receipt(receipt)

    async def give_back(self, receipt: str) -> bool:
        """Makes a token usable for the rest of its 30 minutes; False: too late, done before, or no receipt."""
        return await self._store.give_back(receipt)

    def _signed(self, claims: dict[str, Any]) -> str:
        key_id, secret = self._ring[0]
        claims = {"aud": AUDIENCE, "iat": int(self._now()), "jti": secrets.token_urlsafe(16)} | claims
        return jwt.encode(claims, secret, algorithm=_ALGORITHM, headers={"kid": key_id})

    def _key(self, kid: object) -> VerifyingKey | None:
        return self._keys.get(kid) if isinstance(kid, str) else None


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
