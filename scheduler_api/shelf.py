"""Finds a recording and says what a caller may do with it.

Takes an id and verified claims, gives a Sighting: where the recording lies and the caller's rights. One who may not
see a recording gets the very answer of one that does not exist. What is kept of policy.json is tied to its ETag; that
a recording is in a room is kept because it never moves. Raises NotFound, StorageError.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from anyio import to_thread

from scheduler_api.auth.access import Role, Scope, UserClaims, rights
from scheduler_api.errors import Forbidden, NotFound
from scheduler_api.registry import Registry
from storage.errors import InvalidKey, MalformedDocument, ObjectNotFound
from storage.keys import RecordingKeys, check_id
from storage.manifest import Policy, parse_policy
from storage.objects import ObjectStore

_K = TypeVar("_K")
_V = TypeVar("_V")

REMEMBERED = 4096
"""Recordings and policies that are kept in memory."""

_NEEDS: dict[Scope, str] = {
    "preview:read": "seeing this recording",
    "composition:write": "changing its composition",
    "export:create": "exporting it and cancelling its jobs",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A recording that a caller may see."""

    keys: RecordingKeys
    rights: frozenset[Scope]

    def require(self, scope: Scope) -> None:
        """Raises Forbidden if the caller lacks this right."""
        if scope not in self.rights:
            raise Forbidden(f"{_NEEDS[scope]} is for the room's hosts; ask one of them")


class Shelf:
    """All recordings in a store, behind their policies."""

    def __init__(self, store: ObjectStore, registry: Registry, editors: frozenset[Role]) -> None:
        self._store, self._registry, self._editors = store, registry, editors
        self._present: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._policies: OrderedDict[str, tuple[str, Policy | None]] = OrderedDict()

    async def seen_by(self, user: UserClaims, recording_id: str) -> Sighting:
        """The recording with the user's rights; NotFound if there is none, or none that this user may see."""
        for room_id in await self._rooms(user, recording_id):
            with suppress(NotFound):
                return await self.seen_in(user, RecordingKeys(room_id, recording_id))
        raise NotFound("recording", recording_id)

    async def seen_in(self, user: UserClaims, keys: RecordingKeys) -> Sighting:
        """The recording in this very room, which is known to be there; NotFound if the user may not see it."""
        found = rights(await self.policy(keys), user, keys.room_id, self._editors)
        if not found:
            raise NotFound("recording", keys.recording_id)
        return Sighting(keys, found)

    async def in_room(self, room_id: str, recording_id: str) -> RecordingKeys:
        """The recording in the room that a trusted service names. Raises NotFound, Forbidden for another room."""
        try:
            keys = RecordingKeys(room_id, recording_id)
        except InvalidKey:
            raise NotFound("recording", recording_id) from None
        registered = await self._registry.room_of(recording_id)
        if registered not in (None, room_id):
            raise Forbidden("the recording belongs to another room than X-Compositer-Room-Id says")
        if registered is None and not await self._is_in(room_id, recording_id):
            raise NotFound("recording", recording_id)
        return keys

    async def policy(self, keys: RecordingKeys) -> Policy | None:
        """The room's rules for this recording; None where there are none that can be read."""
        try:
            etag = (await to_thread.run_sync(self._store.stat, keys.policy)).etag
        except ObjectNotFound:
            return None
        kept = self._policies.get(keys.policy)
        if kept is not None and kept[0] == etag:
            return kept[1]
        policy = await to_thread.run_sync(self._read_policy, keys)
        _keep(self._policies, keys.policy, (etag, policy))
        return policy

    async def _rooms(self, user: UserClaims, recording_id: str) -> list[str]:
        """The rooms where the recording is: the registered one, else those of the claims."""
        try:
            check_id(recording_id)
        except InvalidKey:
            return []
        if registered := await self._registry.room_of(recording_id):
            return [registered]
        rooms = list(dict.fromkeys([*user.rooms, *sorted(user.shelf_rooms)]))
        found = await asyncio.gather(*(self._is_in(room_id, recording_id) for room_id in rooms))
        return [room_id for room_id, there in zip(rooms, found, strict=True) if there]

    async def _is_in(self, room_id: str, recording_id: str) -> bool:
        if (room_id, recording_id) in self._present:
            return True
        there = await to_thread.run_sync(self._lies_in, RecordingKeys(room_id, recording_id))
        if there:
            _keep(self._present, (room_id, recording_id), None)
        return there

    def _lies_in(self, keys: RecordingKeys) -> bool:
        """A recording that crashed has no metadata.json, but the policy that was written when it began."""
        return self._store.exists(keys.metadata) or self._store.exists(keys.policy)

    def _read_policy(self, keys: RecordingKeys) -> Policy | None:
        try:
            return parse_policy(json.loads(self._store.get(keys.policy)))
        except ObjectNotFound:
            return None
        except (MalformedDocument, ValueError, RecursionError) as error:
            _log.warning("policy.json of %s counts as absent: %s", keys.prefix, error)
            return None


def _keep(memory: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
