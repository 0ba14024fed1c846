"""The access table: what a person may do with a recording, from its policy and the person's claims alone.

Takes a recording's policy (None: policy.json is absent), claims that were verified, and the room; gives the scopes.
An empty set means that the person may not know of the recording: it answers as one that does not exist. Pure: no
store, no clock, no request. Seeing takes a tie to the room (a role in it, or its shelf) and the policy's level:

    level         who sees the recording
    all           everyone with a valid user token, tie or not
    logged_in     a tie, and logged in
    host          a tie, and the role host or co_host
    selected      a tie, and either named in allowed_accessor_ids, or host or co_host
    unspecified   as host
    no policy     as host

Who sees it may look at previews; changing, exporting and cancelling take one of the editors' roles as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from storage.manifest import Policy

Scope = Literal["preview:read", "composition:write", "export:create"]
Role = Literal["host", "co_host", "participant"]

SCOPES: Final[tuple[Scope, ...]] = ("preview:read", "composition:write", "export:create")
"""All scopes, in the order in which they are written."""

HOSTS: Final[frozenset[Role]] = frozenset({"host", "co_host"})
"""The roles that may edit unless a setting says otherwise."""

NOTHING: Final[frozenset[Scope]] = frozenset()


@dataclass(frozen=True, slots=True)
class UserClaims:
    """A person, as Shelves vouches for them: `rooms` are their roles, `shelf_rooms` the shelves they may open."""

    sub: str
    logged_in: bool
    rooms: Mapping[str, Role]
    shelf_rooms: frozenset[str]


def rights(
    policy: Policy | None, user: UserClaims, room_id: str, editors: frozenset[Role] = HOSTS
) -> frozenset[Scope]:
    """What `user` may do with a recording of `room_id`; empty: not even know of it."""
    if not _may_see(policy, user, room_id):
        return NOTHING
    return frozenset(SCOPES) if user.rooms.get(room_id) in editors else frozenset({"preview:read"})


def _may_see(policy: Policy | None, user: UserClaims, room_id: str) -> bool:
    level = "unspecified" if policy is None else policy.who_can_access_recordings
    if level == "all":
        return True
    if room_id not in user.rooms and room_id not in user.shelf_rooms:
        return False
    if level == "logged_in":
        return user.logged_in
    is_host = user.rooms.get(room_id) in HOSTS
    if level == "selected" and policy is not None:
        return is_host or user.sub in policy.allowed_accessor_ids
    return is_host
