"""What a request needs: the services of this process, and who is asking.

`Services` holds the parts that every request shares. The annotated types below are what routes take as arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from redis.asyncio import Redis

from scheduler_api.auth.claims import UserClaims, UserTokens
from scheduler_api.auth.signing import MediaSigner
from scheduler_api.auth.tokens import CompositionTokens
from scheduler_api.compositions import Compositions
from scheduler_api.desk import TokenDesk
from scheduler_api.errors import NotAuthenticated
from scheduler_api.jobs.board import JobBoard
from scheduler_api.jobs.hub import EventHub
from scheduler_api.jobs.queue import JobQueue
from scheduler_api.jobs.service import Jobs
from scheduler_api.logs import note
from scheduler_api.registry import Registry
from scheduler_api.settings import DoorSettings
from scheduler_api.shelf import Shelf, Sighting
from scheduler_api.studio import Studio
from storage.objects import ObjectStore, StoreSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts that all requests of a process share. `now` gives Unix seconds."""

    settings: DoorSettings
    service_key: str | None
    """What the Recording Service shows; None: it may not call."""
    spec: StoreSpec
    store: ObjectStore
    redis: Redis
    users: UserTokens
    tokens: CompositionTokens
    desk: TokenDesk
    signer: MediaSigner
    registry: Registry
    shelf: Shelf
    compositions: Compositions
    studio: Studio
    jobs: Jobs
    queue: JobQueue
    board: JobBoard
    hub: EventHub
    now: Callable[[], float]


def services_of(request: Request) -> Services:
    """The services of the app that answers `request`."""
    services: Services = request.app.state.services
    return services


_USER_TOKEN = HTTPBearer(scheme_name="userToken", description="The JWT that Shelves issues.", auto_error=False)

Shared = Annotated[Services, Depends(services_of)]
RecordingId = Annotated[str, Path(max_length=200, examples=["67e5d214-5867-4e0c-b646-5d9e8a08d15a"])]
JobId = Annotated[str, Path(max_length=200, examples=["job-123"])]


async def _user(
    shared: Shared, shown: Annotated[HTTPAuthorizationCredentials | None, Security(_USER_TOKEN)]
) -> UserClaims:
    if shown is None:
        raise NotAuthenticated
    return shared.users.verify(shown.credentials)


User = Annotated[UserClaims, Depends(_user)]


async def _sighting(recording_id: RecordingId, user: User, shared: Shared) -> Sighting:
    note(recording_id=recording_id)
    return await shared.shelf.seen_by(user, recording_id)


Seen = Annotated[Sighting, Depends(_sighting)]


async def _body(request: Request) -> bytes:
    return await request.body()


RawBody = Annotated[bytes, Depends(_body)]
"""The body as it came; its length is limited before this. Take it after who asks, so that strangers learn nothing."""
