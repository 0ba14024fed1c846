"""Writes scheduler_api/grpc/pb from proto/: `python scripts/generate_grpc.py [FOLDER]`.

Needs grpcio-tools (of the `dev` extra). What it writes is committed; a test keeps it current.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "scheduler_api/grpc/pb"


def main(folder: Path) -> int:
    """Generates into `folder`, which stands for the root of the repository; gives protoc's exit status."""
    names = sorted(path.name for path in (ROOT / "proto").glob("*.proto"))
    return int(
        protoc.main(
            [
                "protoc",
                f"--proto_path={PACKAGE}={ROOT / 'proto'}",   # so that the modules import each other by their package
                f"--proto_path={files('grpc_tools') / '_proto'}",
                f"--python_out={folder}",
                f"--pyi_out={folder}",
                f"--grpc_python_out={folder}",
                *(f"{PACKAGE}/{name}" for name in names),
            ]
        )
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT))
