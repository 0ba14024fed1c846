"""The committed gRPC code is what proto/ gives, and proto/ is what the other services speak."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor

from scheduler_api.grpc.pb import composition_tokens_pb2 as tokens_pb
from scheduler_api.grpc.pb import recording_shelf_pb2 as shelf_pb
from tests.support.recordings import ROOT

PB = Path("scheduler_api/grpc/pb")


def test_generating_again_gives_the_same(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate_grpc.py", tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    fresh = {path.name: path.read_text("utf-8") for path in (tmp_path / PB).iterdir()}
    kept = {path.name: path.read_text("utf-8") for path in (ROOT / PB).glob("*_pb2*.py*")}
    assert kept == fresh, "run scripts/generate_grpc.py"


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (tokens_pb.VerifyRequest, {"token": 1, "action": 2, "recording_id": 3}),
        (tokens_pb.VerifyResponse, {"ok": 1, "subject": 2, "room_id": 3, "receipt": 4}),
        (tokens_pb.ReleaseRequest, {"receipt": 1}),
        (
            shelf_pb.UpsertRoomRecordingRequest,
            {
                "room_id": 1, "recording_id": 2, "status": 3, "started_at": 4, "completed_at": 5, "s3_prefix": 6,
                "metadata_key": 7, "timeline_key": 8, "service_id": 9, "quick_access_parts": 10,
                "late_composite_parts": 11,
            },
        ),
        (
            shelf_pb.RecordingPart,
            {"index": 1, "key": 2, "start_offset_ms": 3, "end_offset_ms": 4, "duration_ms": 5, "label": 6},
        ),
        (shelf_pb.UpsertRoomRecordingResponse, {"success": 1, "message": 2, "room_id": 3, "recording_id": 4}),
    ],
)  # fmt: skip
def test_the_numbers_on_the_wire_are_the_agreed_ones(message: type, fields: dict[str, int]) -> None:
    descriptor: Descriptor = message.DESCRIPTOR  # type: ignore[attr-defined]
    assert {field.name: field.number for field in descriptor.fields} == fields


def test_the_services_have_the_agreed_names() -> None:
    services = [
        *tokens_pb.DESCRIPTOR.services_by_name.values(),
        *shelf_pb.DESCRIPTOR.services_by_name.values(),
    ]
    assert {f"{service.full_name}/{method.name}" for service in services for method in service.methods} == {
        "farm.composition.v1.CompositionTokens/Verify",
        "farm.composition.v1.CompositionTokens/Release",
        "shelves.recording.RecordingShelfBridge/UpsertRoomRecording",
    }
    assert dict(shelf_pb.RecordingStatus.items()) == {
        "RECORDING_STATUS_UNSPECIFIED": 0,
        "RECORDING_STATUS_RECORDING": 1,
        "RECORDING_STATUS_COMPLETED": 2,
        "RECORDING_STATUS_FAILED": 3,
    }
