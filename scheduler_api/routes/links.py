"""Where this API is, as the caller sees it, and links to what is stored."""

from __future__ import annotations

from fastapi import Request

from scheduler_api.deps import Services
from scheduler_api.status import Links
from storage.keys import RecordingKeys

STEADY_S = 60
"""How long a link stays the same, at most; it lives so much less than the setting says."""


def links_for(request: Request, shared: Services, keys: RecordingKeys) -> Links:
    """Makes signed links of a recording; the address is the set one, else that of the request.

    Their end lies on whole steps of time, so who asks again soon is given the same links, and caches keep what they
    have.
    """
    base = shared.settings.public_url or str(request.base_url)
    return Links(shared.signer, base.rstrip("/"), keys, shared.settings.media_ttl_s - int(shared.now()) % STEADY_S)
