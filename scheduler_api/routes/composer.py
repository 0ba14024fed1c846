"""`GET /composer/{recording_id}`: the composer's page, and below `/composer/assets/` what it is made of.

The page is the same for every recording and says nothing of any: it asks the API with the token that its visitor has.
It is built from `composer/`; where it was not built, the answer says how that is done.
"""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from starlette.responses import Response

from scheduler_api.problems import problem

router = APIRouter(prefix="/composer", include_in_schema=False)

PAGE = Path(__file__).parents[1] / "static" / "composer"
"""Where `npm run build` in `composer/` puts the page, and where the wheel has it."""

_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Videos come out of blobs (Media Source Extensions), and so do labels that were fetched with a token."""
_REMEDY = "where Node.js is: cd composer && npm ci && npm run build"
_HEADERS = {"X-Content-Type-Options": "nosniff"}
_PAGE_HEADERS = _HEADERS | {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_ASSET_HEADERS = _HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"}
"""The name of an asset holds a digest of its content."""


@router.head("/assets/{name}")
@router.get("/assets/{name}")
async def asset(request: Request, name: str) -> Response:
    """A script, a style, a picture of the page."""
    file = _folder(request) / "assets" / name
    if not _NAME.fullmatch(name) or not file.is_file():
        return problem(404, "not-found", "the page has no such part; reload it")
    return FileResponse(file, headers=_ASSET_HEADERS)


@router.head("/{recording_id}")
@router.get("/{recording_id}")
async def page(request: Request) -> Response:
    """The page, which reads the recording's id from its address. Who may see the recording is the API's to say."""
    index = _folder(request) / "index.html"
    if not index.is_file():
        return problem(404, "not-built", f"the composer's page is not built; {_REMEDY}")
    return FileResponse(index, headers=_PAGE_HEADERS)


def _folder(request: Request) -> Path:
    folder: Path = request.app.state.page
    return folder
