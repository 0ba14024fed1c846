"""The roles as processes of their own: they meet in Redis and the storage, and tokens are verified over gRPC."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from scheduler_api.grpc.pb import recording_shelf_pb2 as shelf_pb
from scheduler_api.grpc.pb import recording_shelf_pb2_grpc as shelf_grpc
from scheduler_api.grpc.server import MutualTls
from storage.local import LocalStore
from tests.support.certificates import authority
from tests.support.mp4_check import check_mp4
from tests.support.s3 import free_port
from tests.support.serving import SMALL, Person, Serving
from tests.support.valkey import Valkey


@dataclass
class Roles:
    """A gateway, a composition service and a dispatcher, and somebody who uses them."""

    gateway: Serving
    composition: Serving
    shelf_port: int
    person: Person


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory, valkey_server: Valkey) -> Iterator[Roles]:
    folder = tmp_path_factory.mktemp("roles")
    signer, tokens_port, shelf_port = authority("farm"), free_port(), free_port()
    gateway_env = {"FARM_TOKENS_PORT": str(tokens_port), "FARM_SHELF_PORT": str(shelf_port)}
    gateway_env |= files(signer.issue("gateway"), folder / "gateway")
    composition_env = {"FARM_TOKENS_ADDRESS": f"127.0.0.1:{tokens_port}"}
    composition_env |= files(signer.issue("composition"), folder / "composition")
    common = ("--redis", valkey_server.url, "--role")
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(Serving(folder, *common, "gateway", env=gateway_env))
        composition = stack.enter_context(Serving(folder, *common, "composition", env=composition_env))
        stack.enter_context(Serving(folder, *common, "dispatcher", env={"FARM_WORKERS": "1"}))
        person = gateway.person()
        person.composition_address = composition.address
        yield Roles(gateway, composition, shelf_port, person)


def files(tls: MutualTls, folder: Path) -> dict[str, str]:
    """The certificates as files, and the settings that name them."""
    folder.mkdir()
    contents = {"CERT": tls.certificate, "KEY": tls.key, "CA": tls.authority}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return {f"FARM_TOKENS_TLS_{name}": str(folder / name) for name in contents}


def test_the_flow_over_three_processes(roles: Roles, tmp_path: Path) -> None:
    person = roles.person
    job_id = person.export(SMALL)
    assert person.outcome(job_id)["status"] == "ready"
    assert check_mp4(person.download(job_id, tmp_path / "out.mp4")).problems == []


def test_each_answers_what_is_its_own(roles: Roles) -> None:
    path = f"/recordings/{roles.gateway.keys.recording_id}"
    token = roles.person.composition_token("export:create")
    at_gateway = Person(roles.gateway.address, roles.person.recording_id, roles.person.user_token)
    assert at_gateway.ask("POST", f"{path}/export", token, json={}).status_code in (404, 405)
    at_composition = Person(roles.composition.address, roles.person.recording_id, roles.person.user_token)
    assert at_composition.ask("GET", path).status_code in (404, 405)


def test_a_token_is_burned_over_the_wire_and_given_back_when_the_request_is_refused(roles: Roles) -> None:
    person, path = roles.person, f"/recordings/{roles.gateway.keys.recording_id}/export"
    token = person.composition_token("export:create")
    assert person.ask("POST", path, token, json={"preset": "no such preset"}).status_code == 422
    person.save(SMALL)
    assert person.ask("POST", path, token, json={"preset": "draft"}).status_code == 202
    assert person.ask("POST", path, token, json={"preset": "draft"}).status_code == 401


def test_a_registered_recording_is_known(roles: Roles) -> None:
    keys = roles.gateway.keys
    request = shelf_pb.UpsertRoomRecordingRequest(room_id=keys.room_id, recording_id=keys.recording_id, status=2)
    with grpc.insecure_channel(f"127.0.0.1:{roles.shelf_port}") as channel:
        answer = shelf_grpc.RecordingShelfBridgeStub(channel).UpsertRoomRecording(request, timeout=10)
    assert answer.success, answer.message
    assert LocalStore(str(roles.gateway.store)).exists(f"farm/recordings/{keys.recording_id}.json")
    assert roles.person.recording()["room_id"] == keys.room_id
