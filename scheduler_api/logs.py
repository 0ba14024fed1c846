"""Log lines as JSON objects, each with the request, the recording and the job that it is about.

What is bound with `bind` stands in every line of the same task and of what it starts. No line holds a credential:
paths of signed media are cut before the signature.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO

_BOUND: ContextVar[dict[str, str]] = ContextVar("farm_log_fields", default={})  # noqa: B039 (never changed in place)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access")


@contextmanager
def bind(**fields: str) -> Iterator[None]:
    """Adds fields, such as `job_id` or `recording_id`, to the lines logged inside."""
    token = _BOUND.set(_BOUND.get() | fields)
    try:
        yield
    finally:
        _BOUND.reset(token)


def note(**fields: str) -> None:
    """Adds fields to what is logged from here on in this task: of a request, once they are known."""
    _BOUND.set(_BOUND.get() | fields)


class JsonFormatter(logging.Formatter):
    """One line, one object: time, level, logger, message, the bound fields, and those passed as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_BOUND.get(),
            **{name: value for name, value in vars(record).items() if name not in _STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logging(form: Literal["json", "text"] = "json", stream: TextIO = sys.stderr) -> None:
    """Sends all of this process's log lines to `stream`; uvicorn's own handlers make way."""
    handler = logging.StreamHandler(stream)
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _OWN_HANDLERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"  # requests are logged here, with their ids
