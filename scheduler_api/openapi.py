"""What the OpenAPI document says beyond what routes say by themselves: bodies that are read by hand, problems.

Bodies are read after the caller is known and by stricter rules than the framework's, so their schemas are put in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from compositing.state import CompositionState
from scheduler_api.problems import MEDIA_TYPE
from scheduler_api.schemas import ExportRequest, PartRequest, PreviewRequest, Problem, TokenRequest

_REF = "#/components/schemas/{model}"
_BODIES: tuple[type[BaseModel], ...] = (CompositionState, ExportRequest, PartRequest, PreviewRequest, TokenRequest)

STATE_EXAMPLE: dict[str, Any] = {
    "layout": "speaker",
    "timeline": [{"t": 0, "type": "layout", "layout": "grid"}, {"t": 120000, "type": "pin", "peer_id": "peer-7"}],
    "tracks": [{"peer_id": "peer-1", "muted": False}, {"peer_id": "peer-2", "muted": True}],
    "export": {"resolution": "1920x1080", "fps": 30},
}


def json_body(*models: type[BaseModel], required: bool = False, example: Any = None) -> dict[str, Any]:
    """`openapi_extra` of a route that takes one of these models."""
    refs = [{"$ref": _REF.format(model=model.__name__)} for model in models]
    content: dict[str, Any] = {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}
    if example is not None:
        content["example"] = example
    return {"requestBody": {"required": required, "content": {"application/json": content}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that can answer these problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model=Problem.__name__)}}}
    return {status: {"description": _WORDS[status], "content": content} for status in statuses}


_WORDS: Mapping[int, str] = {
    400: "The request is malformed.",
    401: "No credential, or one that is invalid, used or expired.",
    403: "The credential does not permit this.",
    404: "There is no such thing, or none that this caller may see.",
    409: "It does not fit the present state.",
    412: "If-Match or If-None-Match rules out the version that is stored.",
    413: "The body is too large.",
    415: "The file is no PNG or JPEG.",
    416: "The range begins after the object's end.",
    422: "The content cannot be used; `errors` name the fields.",
    503: "The store or the queue does not answer; try again.",
}


def describe(app: FastAPI) -> None:
    """Makes `app.openapi()` complete."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, servers=app.servers
    )
    _, bodies = models_json_schema([(model, "validation") for model in _BODIES], ref_template=_REF)
    _, answers = models_json_schema([(Problem, "serialization")], ref_template=_REF)
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for extra in (bodies, answers):
        schemas.update(extra.get("$defs", {}))
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for operations in found["paths"].values():
        for operation in operations.values():
            if not isinstance(operation, dict):
                continue
            _problem_instead(operation)
    return found


def _problem_instead(operation: dict[str, Any]) -> None:
    """What the framework says of its own 422 is not what is answered here."""
    answer = operation.get("responses", {}).get("422")
    if answer and "application/json" in answer.get("content", {}):
        operation["responses"]["422"] = problems(422)[422]
