"""The token desk over the wire: a composition service asks the gateway that issued the tokens.

Takes the gateway's address, and certificates where it demands them. Keeps the promises of
`scheduler_api.desk.TokenDesk`; that a token is refused is all that the gateway says, so it is always
TokenRejected. What is not answered in time counts as not allowed. A call is never repeated here: a token whose answer
got lost is burned, and its owner gets a new one.
"""

from __future__ import annotations

import logging
from typing import Any

import grpc
from grpc import aio

from scheduler_api.auth.access import Scope
from scheduler_api.desk import Burned, Holder
from scheduler_api.errors import QueueUnavailable, TokenRejected
from scheduler_api.grpc.pb import composition_tokens_pb2 as tokens_pb
from scheduler_api.grpc.pb import composition_tokens_pb2_grpc as tokens_grpc
from scheduler_api.grpc.server import MutualTls

TIMEOUT_S = 5.0

_log = logging.getLogger(__name__)


class GrpcTokenDesk:
    """The desk at `address`. Made inside a running event loop, to be closed."""

    def __init__(self, address: str, tls: MutualTls | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._channel = _channel(address, tls)
        self._calls = tokens_grpc.CompositionTokensStub(self._channel)
        self._timeout_s = timeout_s

    async def check(self, token: str, action: Scope, recording_id: str) -> Holder | None:
        return None

    async def check_and_burn(self, token: str, action: Scope, recording_id: str) -> Burned:
        request = tokens_pb.VerifyRequest(token=token, action=action, recording_id=recording_id)
        answer = await self._call(self._calls.Verify, request)
        if not answer.ok:
            raise TokenRejected()
        return Burned(answer.subject, answer.room_id, answer.receipt)

    async def give_back(self, receipt: str) -> bool:
        answer = await self._call(self._calls.Release, tokens_pb.ReleaseRequest(receipt=receipt))
        return bool(answer.ok)

    async def close(self) -> None:
        await self._channel.close()

    async def _call(self, method: Any, request: Any) -> Any:
        try:
            return await method(request, timeout=self._timeout_s)
        except aio.AioRpcError as error:
            _log.warning("the token service does not answer: %s %s", error.code().name, error.details())
            raise QueueUnavailable("the token service does not answer") from error


def _channel(address: str, tls: MutualTls | None) -> Any:
    if tls is None:
        return aio.insecure_channel(address)
    credentials = grpc.ssl_channel_credentials(tls.authority, tls.key, tls.certificate)
    return aio.secure_channel(address, credentials)
