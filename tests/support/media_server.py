"""Folders on loopback HTTP, as a gateway would serve them: media types, byte ranges, nothing cached.

    with MediaServer() as server:
        server.url(folder, "peers/peer-1/av.m3u8")    # http://127.0.0.1:PORT/1/peers/peer-1/av.m3u8

A file is read anew for each request, so a folder may grow while it is served.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from urllib.parse import quote, unquote, urlsplit

MEDIA_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".json": "application/json",
    ".jpg": "image/jpeg",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_IDLE_S = 5.0
"""Browsers open connections ahead of need; one that asks nothing for so long is closed."""


class MediaServer:
    """Serves each folder that `url` is asked for. A context manager; leaves no thread and no socket behind."""

    def __init__(self) -> None:
        self._folders: list[Path] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = False  # closing waits for them
        self._thread = Thread(target=self._http.serve_forever, name="media-server")

    def __enter__(self) -> MediaServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def url(self, folder: Path, path: str = "") -> str:
        """The address of the file `path` (a plain relative path, not yet quoted) in `folder`."""
        if folder not in self._folders:
            self._folders.append(folder)
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}/{self._folders.index(folder)}/{quote(path)}"

    def read(self, target: str) -> tuple[bytes, str] | None:
        """The bytes and the media type of what a request names; None where there is no such file."""
        number, _, path = unquote(urlsplit(target).path).lstrip("/").partition("/")
        if not number.isdecimal() or int(number) >= len(self._folders):
            return None
        folder = self._folders[int(number)].resolve()
        file = (folder / path).resolve()
        if not file.is_relative_to(folder) or not file.is_file():
            return None
        return file.read_bytes(), MEDIA_TYPES.get(file.suffix, "application/octet-stream")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        return type("Handler", (_Handler,), {"served": self})


class _Handler(BaseHTTPRequestHandler):
    served: MediaServer
    timeout = _IDLE_S

    def do_GET(self) -> None:
        found = self.served.read(self.path)
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND, b"", "text/plain")
            return
        body, media_type = found
        try:
            part = _asked_part(self.headers.get("Range"), len(body))
        except ValueError:
            nothing = {"Content-Range": f"bytes */{len(body)}"}
            self._answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", media_type, nothing)
            return
        if part is None:
            self._answer(HTTPStatus.OK, body, media_type)
        else:
            where = {"Content-Range": f"bytes {part.start}-{part.stop - 1}/{len(body)}"}
            self._answer(HTTPStatus.PARTIAL_CONTENT, body[part.start : part.stop], media_type, where)

    def log_message(self, *args: object) -> None:
        """Says nothing: tests judge by what the browser got."""

    def _answer(self, status: HTTPStatus, body: bytes, media_type: str, more: dict[str, str] | None = None) -> None:
        headers = {
            "Content-Type": media_type,
            "Content-Length": str(len(body)),
            "Accept-Ranges": "bytes",
            "Cache-Control": "no-store",
            **(more or {}),
        }
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        try:
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:  # the player went elsewhere
            self.close_connection = True


def _asked_part(header: str | None, length: int) -> range | None:
    """The bytes that a Range header (RFC 9110 section 14.1) asks for; None for all of them.

    Raises ValueError where they lie beyond the end. What is not one plain range is ignored.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match[0] == "bytes=-":
        return None
    if match[1] == "":
        start, stop = max(0, length - int(match[2])), length
    else:
        start, stop = int(match[1]), min(length, int(match[2]) + 1 if match[2] else length)
    if start >= stop:
        raise ValueError(header)
    return range(start, stop)
