"""Where this API is, as the caller sees it, and links to what is stored."""

from __future__ import annotations

from fastapi import Request

from scheduler_api.deps import Services
from scheduler_api.status import Links
from storage.keys import RecordingKeys


def links_for(request: Request, shared: Services, keys: RecordingKeys) -> Links:
    """Makes signed links of a recording; the address is the set one, else that of the request."""
    base = shared.settings.public_url or str(request.base_url)
    return Links(shared.signer, base.rstrip("/"), keys, shared.settings.media_ttl_s)
