"""Redis's replies as values: text comes as bytes, or as text from a client that decodes."""

from __future__ import annotations


def text(reply: object) -> str:
    """The reply as text."""
    return reply.decode() if isinstance(reply, bytes) else str(reply)
