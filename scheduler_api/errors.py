"""What the door refuses, and how it says so: each error knows its HTTP status and its problem type.

    DoorError
      NotAuthenticated     no credential, or one that is none                       401  input
      NotTheService        a service key that is wrong, or without a room            401  input
      TokenRejected        a composition token that is invalid, used or expired     401  input
      Forbidden            a good credential that does not permit this              403  input
      NotFound             it does not exist, or this caller may not know that      404  input
      Conflict             it does not fit the present state                        409  input
      PreconditionFailed   If-Match or If-None-Match: another version is stored     412  input
      TooLarge             more bytes than the limit                                413  input
      Unprocessable        a well-formed request whose content cannot be used       422  input
      KeyReused            an Idempotency-Key that came with another body before    422  input
      QueueUnavailable     Redis does not answer: everything that needs it stops    503  ours, retryable
      StudioBusy           all who plan and draw have had work for too long         503  ours, retryable
      StudioFailed         who planned or drew has died, or was stopped in time     503  ours, retryable

`status` and `slug` (the last part of the problem type's URI) are class attributes; fields are positional to
`super().__init__`, so every error survives pickling. A message names the thing and the remedy, never a secret,
never a token, and never which of several checks of a credential failed.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Blame = Literal["input", "storage", "ours"]


class DoorError(Exception):
    """Base of this room's errors."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    blame: ClassVar[Blame] = "input"
    retryable: ClassVar[bool] = False


class NotAuthenticated(DoorError):
    """No credential came with the request, or it is not one; it does not say why."""

    status = 401
    slug = "not-authenticated"

    def __init__(self, needed: str = "a user token") -> None:
        super().__init__(needed)
        self.needed = needed

    def __str__(self) -> str:
        return f"{self.needed} is needed that is valid and has not expired; send it as 'Authorization: Bearer …'"


class NotTheService(DoorError):
    """Who says to be the Recording Service did not show its key, or no room."""

    status = 401
    slug = "not-authenticated"

    def __init__(self) -> None:
        super().__init__()

    def __str__(self) -> str:
        return "the service's key and a room are needed; send X-Compositer-Service-Key and X-Compositer-Room-Id"


class TokenRejected(DoorError):
    """A composition token that cannot be used: all reasons look alike from outside."""

    status = 401
    slug = "token-rejected"

    def __init__(self) -> None:
        super().__init__()

    def __str__(self) -> str:
        return "the composition token is invalid, used or expired; ask for a new one"


class Forbidden(DoorError):
    """The credential is good, but not for this; `reason` says what it lacks and what to do."""

    status = 403
    slug = "forbidden"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class NotFound(DoorError):
    """There is no such thing, or this caller may not know of it: both answer with these same words."""

    status = 404
    slug = "not-found"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name)
        self.kind, self.name = kind, name

    def __str__(self) -> str:
        return f"there is no {self.kind} {self.name!r} that you may see"


class Conflict(DoorError):
    """The request does not fit the present state."""

    status = 409
    slug = "conflict"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class PreconditionFailed(DoorError):
    """`header`, If-Match or If-None-Match, rules out the stored version; its ETag is `current`, None where none is."""

    status = 412
    slug = "precondition-failed"

    def __init__(self, what: str, current: str | None, header: str) -> None:
        super().__init__(what, current, header)
        self.what, self.current, self.header = what, current, header

    def __str__(self) -> str:
        now = f"is {self.current} now" if self.current else "does not exist yet"
        return f"{self.what} was changed by someone else and {now}; load it, apply your change, and send it again"


class TooLarge(DoorError):
    """`what` has more than `limit_bytes` bytes."""

    status = 413
    slug = "too-large"

    def __init__(self, what: str, limit_bytes: int) -> None:
        super().__init__(what, limit_bytes)
        self.what, self.limit_bytes = what, limit_bytes

    def __str__(self) -> str:
        return f"{self.what} may have at most {self.limit_bytes} bytes"


class Unprocessable(DoorError):
    """The content cannot be used; `problems` are (JSON pointer, message) pairs, one for each field."""

    status = 422
    slug = "unprocessable"

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(f"{pointer or 'the body'}: {message}" for pointer, message in self.problems)


class KeyReused(DoorError):
    """The Idempotency-Key came with another body before: which of the two is meant, nobody can tell."""

    status = 422
    slug = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__()

    def __str__(self) -> str:
        return "this Idempotency-Key was used with another body before; a new request needs a new key"


class QueueUnavailable(DoorError):
    """Redis does not answer. `reason` is for the log: it may name hosts, so the message leaves it out."""

    status = 503
    slug = "queue-unavailable"
    blame = "ours"
    retryable = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return "the job queue and token store cannot be reached at the moment; try again shortly"


class StudioBusy(DoorError):
    """No worker of the studio came free within `waited_s` seconds."""

    status = 503
    slug = "studio-busy"
    blame = "ours"
    retryable = True

    def __init__(self, waited_s: float) -> None:
        super().__init__(waited_s)
        self.waited_s = waited_s

    def __str__(self) -> str:
        return "too many plans and stills are being made at the moment; try again shortly"


class StudioFailed(DoorError):
    """A worker of the studio did not finish `what`; `reason` is for the log, the next try has a new worker."""

    status = 503
    slug = "studio-failed"
    blame = "ours"
    retryable = True

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason)
        self.what, self.reason = what, reason

    def __str__(self) -> str:
        return f"{self.what} could not be made within its limits of time and memory; try again shortly"
