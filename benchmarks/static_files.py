"""Starlette's own static files behind the uvicorn that the API uses: `python -m benchmarks.static_files FOLDER`.

What the API's speed is compared with. Prints its port, and ends on SIGTERM.
"""

from __future__ import annotations

import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles


def main() -> None:
    """Serves the folder on a free port of loopback."""
    app = Starlette(routes=[Mount("/", StaticFiles(directory=sys.argv[1]))])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run([listener])


if __name__ == "__main__":
    main()
