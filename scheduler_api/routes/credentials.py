"""Composition tokens and the service key, as routes take them."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Header, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from scheduler_api.deps import Services
from scheduler_api.errors import NotAuthenticated, NotTheService

_COMPOSITION_TOKEN = HTTPBearer(
    scheme_name="compositionToken", description="A single-use composition token.", auto_error=False
)
_SERVICE_KEY = APIKeyHeader(name="X-Compositer-Service-Key", scheme_name="serviceKey", auto_error=False)

BearerShown = Annotated[HTTPAuthorizationCredentials | None, Security(_COMPOSITION_TOKEN)]
ServiceKeyShown = Annotated[str | None, Security(_SERVICE_KEY)]
ServiceRoom = Annotated[str | None, Header(alias="X-Compositer-Room-Id", max_length=200)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key makes no second job; with another body it is refused.",
    ),
]


async def _token(shown: BearerShown) -> str:
    if shown is None:
        raise NotAuthenticated("a composition token")
    return shown.credentials


CompositionToken = Annotated[str, Depends(_token)]


def check_service_key(shared: Services, shown: str) -> None:
    """Raises NotTheService unless it is the Recording Service's key."""
    if not shared.service_key or not hmac.compare_digest(shown.encode(), shared.service_key.encode()):
        raise NotTheService
