"""A small stand-in for `farm serve`, for work on the page alone: one recording, no tokens, no jobs.

    python -m composer.dev.serve RECORDING PREVIEW PAGE [--port 8123] [--ttl 600]

RECORDING is a recording's folder, PREVIEW what `farm preview --output` made of it, PAGE a folder with a built page.
Plans and stills are the farm's own. Media links carry an expiry, and are refused after it, as the real ones are.
Not shipped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from compositing.times import Span
from farm.interactive import InteractiveSession, Place
from farm.settings import FarmSettings
from storage.keys import RecordingKeys
from storage.objects import StoreSpec

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/mp4",
    ".mp4": "video/mp4",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


class Served:
    """What is served, and what was saved."""

    def __init__(self, recording: Path, preview: Path, page: Path, ttl_s: int) -> None:
        self.store, self.room_id, self.recording_id = recording.parents[2], recording.parent.name, recording.name
        self.preview, self.page, self.ttl_s = preview.resolve(), page.resolve(), ttl_s
        self.place = Place(StoreSpec(str(self.store)), self.room_id, self.recording_id)
        self.session = InteractiveSession(FarmSettings(), time.monotonic)
        self.saved: bytes | None = None
        self.lock = Lock()

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.saved or b"").hexdigest()[:32]}"'

    def status(self, base: str) -> dict[str, Any]:
        peers = {unquote(f.name): f for f in sorted((self.preview / "peers").iterdir())}
        screens = self.preview / "screenshare"
        shared = {unquote(f.name): f for f in sorted(screens.iterdir())} if screens.exists() else {}
        preview: dict[str, Any] = {
            "peers": {
                p: {"av": self._link(base, f, "av.m3u8"), "low": self._link(base, f, "av_low.m3u8")}
                for p, f in peers.items()
            },
            "screenshare": {p: {"video": self._link(base, f, "video.m3u8")} for p, f in shared.items()},
            "job_id": None,
        }
        whole = (self.preview / "manifest.json").exists()
        if whole:
            preview["manifest"] = self._link(base, self.preview, "manifest.json")
        return {
            "recording_id": self.recording_id,
            "room_id": self.room_id,
            "preview_status": "ready" if whole else "processing",
            "export_status": None,
            "preview": preview,
            "export": {"url": None, "job_id": None},
            "exports": [],
        }

    def _link(self, base: str, folder: Path, name: str) -> str:
        inside = folder.relative_to(self.preview).as_posix()
        path = f"rooms/{self.room_id}/{self.recording_id}/preview/" + (f"{inside}/" if inside != "." else "")
        token = f"dev.{'o' if inside == '.' else 'f'}{int(time.time()) + self.ttl_s}.{'0' * 43}"
        return f"{base}/media/{token}/{quote(path)}{name}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def do_GET(self) -> None:
        self._do("GET")

    def do_POST(self) -> None:
        self._do("POST")

    def do_PUT(self) -> None:
        self._do("PUT")

    def log_message(self, *args: object) -> None:
        """Says nothing."""

    def _do(self, method: str) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        own = f"/recordings/{self.served.recording_id}"
        try:
            if url.path.startswith("/media/"):
                self._media(url.path)
            elif url.path.startswith("/composer"):
                self._page(url.path)
            elif url.path == own:
                self._json(self.served.status(f"http://{self.headers['Host']}"))
            elif url.path == f"{own}/composition":
                self._composition(method, body)
            elif url.path == f"{own}/composition/token":
                self._json({"token": "dev"})
            elif url.path == f"{own}/plan":
                self._plan(body, query)
            elif url.path == f"{own}/still":
                with self.served.lock:
                    png = self.served.session.still(self.served.place, body, int(query["t"]) / 1000, "png")
                self._send(HTTPStatus.OK, png, "image/png")
            elif label := re.fullmatch(rf"{own}/labels/([0-9a-f]+)\.png", url.path):
                key = RecordingKeys(self.served.room_id, self.served.recording_id).raster(label[1])
                self._file(self.served.store / key)
            else:
                self._problem(HTTPStatus.NOT_FOUND, "not-found", f"there is no {url.path}")
        except ConnectionError:
            self.close_connection = True
        except Exception as error:
            self._problem(HTTPStatus.UNPROCESSABLE_ENTITY, "composition-invalid", str(error))

    def _composition(self, method: str, body: bytes) -> None:
        if method == "PUT":
            asked = self.headers.get("If-Match")
            if asked is not None and asked != self.served.etag:
                self._problem(HTTPStatus.PRECONDITION_FAILED, "precondition-failed", "saved by somebody else")
                return
            self.served.saved = body
            told = {"status": "ok", "updated_at": "2026-01-01T00:00:00Z", "composition_id": self.served.etag[1:-1]}
            self._send(HTTPStatus.OK, json.dumps(told).encode(), TYPES[".json"], {"ETag": self.served.etag})
        elif self.served.saved is None:
            self._problem(HTTPStatus.NOT_FOUND, "not-found", "nothing is saved")
        else:
            self._send(HTTPStatus.OK, self.served.saved, TYPES[".json"], {"ETag": self.served.etag})

    def _plan(self, body: bytes, query: dict[str, str]) -> None:
        window = Span(int(query["from_ms"]), int(query["to_ms"])) if "from_ms" in query else None
        with self.served.lock:
            made = self.served.session.plan(self.served.place, body, window)
        self._send(HTTPStatus.OK, made, TYPES[".json"])

    def _media(self, path: str) -> None:
        match = re.fullmatch(r"/media/dev\.[of](\d+)\.0+/rooms/[^/]+/[^/]+/preview/(.*)", path)
        if match is None or int(match[1]) <= time.time():
            self._problem(HTTPStatus.FORBIDDEN, "forbidden", "this link has expired")
            return
        self._file(self.served.preview / match[2].replace("%25", "%"))

    def _page(self, path: str) -> None:
        inside = path.removeprefix("/composer").lstrip("/")
        file = self.served.page / inside
        self._file(file if inside and file.is_file() else self.served.page / "index.html")

    def _json(self, document: dict[str, Any]) -> None:
        self._send(HTTPStatus.OK, json.dumps(document).encode(), TYPES[".json"])

    def _problem(self, status: HTTPStatus, slug: str, detail: str) -> None:
        told = {"type": f"urn:recording-farm:problem:{slug}", "status": status, "detail": detail}
        self._send(status, json.dumps(told).encode(), "application/problem+json")

    def _file(self, file: Path) -> None:
        if file.is_file():
            self._send(HTTPStatus.OK, file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream"))
        else:
            self._problem(HTTPStatus.NOT_FOUND, "not-found", f"there is no {file.name}")

    def _send(self, status: HTTPStatus, body: bytes, media: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        headers = {"Content-Type": media, "Content-Length": str(len(body)), "Cache-Control": "no-store", **(more or {})}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("recording", "preview", "page"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--ttl", type=int, default=600)
    asked = parser.parse_args()
    served = Served(asked.recording.resolve(), asked.preview, asked.page, asked.ttl)
    server = ThreadingHTTPServer(("127.0.0.1", asked.port), type("Bound", (Handler,), {"served": served}))
    print(f"http://127.0.0.1:{server.server_address[1]}/composer/{served.recording_id}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
