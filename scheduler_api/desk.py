"""The token desk: where a composition token is checked and used up, in this process or over the wire.

Takes what a caller presents, gives whose it is. A token is used up just before its effect, and handed back when the
effect did not come about. `check` tells whose a token is without using it up, where this process can know that; the
gateway at the other end of a wire knows only how to use it up. Raises TokenRejected, Forbidden, QueueUnavailable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from scheduler_api.auth.access import Scope
from scheduler_api.auth.tokens import CompositionTokens


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose token it is, and for which room."""

    subject: str
    room_id: str


@dataclass(frozen=True, slots=True)
class Burned:
    """A token that was used up; the receipt gives it back, once, within 60 s."""

    subject: str
    room_id: str
    receipt: str


class TokenDesk(Protocol):
    """Checks tokens and uses them up."""

    async def check(self, token: str, action: Scope, recording_id: str) -> Holder | None:
        """Whose the token is, which stays unused; None where only using it up can tell."""
        ...

    async def check_and_burn(self, token: str, action: Scope, recording_id: str) -> Burned:
        """Uses the token up: of any number of concurrent calls exactly one succeeds."""
        ...

    async def give_back(self, receipt: str) -> bool:
        """Makes a used token usable again for its remaining time; whether it was."""
        ...


class LocalDesk:
    """The desk over this process's own tokens."""

    def __init__(self, tokens: CompositionTokens) -> None:
        self._tokens = tokens

    async def check(self, token: str, action: Scope, recording_id: str) -> Holder | None:
        checked = self._tokens.check(token, action, recording_id)
        return Holder(checked.subject, checked.room_id)

    async def check_and_burn(self, token: str, action: Scope, recording_id: str) -> Burned:
        checked = self._tokens.check(token, action, recording_id)
        receipt = await self._tokens.burn(checked)
        return Burned(checked.subject, checked.room_id, receipt.receipt)

    async def give_back(self, receipt: str) -> bool:
        return await self._tokens.give_back(receipt)
