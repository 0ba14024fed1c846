"""The access table: each level of policy.json, and none, by each kind of caller, by each endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import pytest

from scheduler_api.registry import Registration
from tests.support.door import Door
from tests.support.jobs import a_job
from tests.unit.door_http.test_seed import STATE, finish

pytestmark = pytest.mark.anyio

Headers = Mapping[str, str]
HOSTS = {"host", "co_host"}
NAMED = "shelf"
"""Who is in allowed_accessor_ids."""

SEES: dict[str | None, set[str]] = {
    "all": {"host", "co_host", "participant", "shelf", "guest", "stranger"},
    "logged_in": {"host", "co_host", "participant", "shelf"},
    "host": HOSTS,
    "selected": HOSTS | {NAMED},
    "unspecified": HOSTS,
    "something new": HOSTS,
    None: HOSTS,
}


def callers(door: Door) -> dict[str, Headers]:
    return {
        "host": door.user("host"),
        "co_host": door.user("co_host", sub="grace"),
        "participant": door.user("participant", sub="linus"),
        "shelf": door.user(None, sub=NAMED, shelf=True),
        "guest": door.user("participant", sub="guest", logged_in=False),
        "stranger": door.user("host", sub="eve", room="another-room"),
        "anonymous": {},
        "service": door.service(),
    }


async def looks(door: Door, job_id: str) -> dict[str, Callable[[Headers], Awaitable[int]]]:
    """What takes a user token and the right to see; each gives the status. 422 is the answer to who may ask."""
    client, path = door.client, door.path

    def asking(method: str, url: str, **more: object) -> Callable[[Headers], Awaitable[int]]:
        async def ask(headers: Headers) -> int:
            return (await client.request(method, url, headers=dict(headers), **more)).status_code  # type: ignore[arg-type]

        return ask

    nonsense = {"layout": "nonsense"}
    return {
        "recording": asking("GET", path),
        "token": asking("POST", f"{path}/composition/token"),
        "composition": asking("GET", f"{path}/composition"),
        "plan": asking("POST", f"{path}/plan", json=nonsense),
        "still": asking("POST", f"{path}/still?t=0", json=nonsense),
        "forecast": asking("POST", f"{path}/forecast", json=nonsense),
        "label": asking("GET", f"{path}/labels/no-key.png"),
        "job": asking("GET", f"/jobs/{job_id}"),
        "events": asking("GET", f"/jobs/{job_id}/events"),
        "asset": asking("POST", f"{path}/assets", files={"nothing": b""}),
        "cancel": asking("DELETE", f"/jobs/{job_id}"),
    }


GRANTED = {"recording": 200, "token": 200, "composition": 200, "plan": 422, "still": 422, "forecast": 422, "label": 422,
           "job": 200, "events": 200, "asset": 422, "cancel": 202}  # fmt: skip
EDITING = {"asset", "cancel"}


def expected(level: str | None, caller: str, endpoint: str) -> int:
    if caller in ("anonymous", "service"):
        return 401
    if caller not in SEES[level]:
        return 404
    if endpoint in EDITING and caller not in HOSTS:
        return 403
    return GRANTED[endpoint]


@pytest.mark.parametrize("level", SEES)
async def test_user_tokens(drawing_door: Door, level: str | None) -> None:
    door = drawing_door
    await door.client.put(f"{door.path}/composition", headers=await door.token(), json=STATE)
    job = await door.client.post(f"{door.path}/preview", headers=await door.token(), json={})
    await finish(door, job.json()["job_id"])
    await door.services.registry.register(
        Registration(room_id=door.keys.room_id, recording_id=door.keys.recording_id)
    )
    door.put_policy(level, [NAMED])
    asks = await looks(door, job.json()["job_id"])
    people = callers(door)
    found = {(caller, name): await ask(people[caller]) for caller in people for name, ask in asks.items()}
    assert found == {(caller, name): expected(level, caller, name) for caller in people for name in asks}


@pytest.mark.parametrize("level", SEES)
async def test_composition_tokens(door: Door, level: str | None) -> None:
    """Who may have a token for what; the token alone then opens its one endpoint."""
    await door.client.put(f"{door.path}/composition", headers=await door.token(), json=STATE)
    await door.services.registry.register(
        Registration(room_id=door.keys.room_id, recording_id=door.keys.recording_id)
    )
    door.put_policy(level, [NAMED])
    for caller, headers in callers(door).items():
        for scope, method, name, body, status in (
            ("preview:read", "POST", "preview", {}, 202),
            ("composition:write", "PUT", "composition", STATE, 200),
            ("export:create", "POST", "export", {}, 202),
        ):
            issued = await door.client.post(
                f"{door.path}/composition/token", headers=dict(headers), json={"scope": [scope]}
            )
            url = f"{door.path}/{name}"
            by_user = await door.client.request(method, url, headers=dict(headers), json=body)
            is_part = caller == "service" and name == "export"   # its body is another: 422
            assert by_user.status_code == (422 if is_part else 401), (caller, name)
            if caller in ("anonymous", "service"):
                assert issued.status_code == 401
            elif caller not in SEES[level]:
                assert issued.status_code == 404
            elif scope != "preview:read" and caller not in HOSTS:
                assert issued.status_code == 403
            else:
                token = {"Authorization": f"Bearer {issued.json()['token']}"}
                used = await door.client.request(method, url, headers=token, json=body)
                assert used.status_code == status, (caller, name, used.text)
                again = await door.client.request(method, url, headers=token, json=body)
                assert again.status_code == 401


async def test_who_may_not_see_learns_nothing(door: Door) -> None:
    """The answers for a hidden recording and for none are the same, and so are those for their jobs."""
    job = (await door.client.post(f"{door.path}/preview", headers=await door.token(), json={})).json()["job_id"]
    door.put_policy("host")
    outsider = door.user("participant")
    hidden = await door.client.get(door.path, headers=outsider)
    none = await door.client.get("/recordings/none", headers=outsider)
    assert hidden.json() | {"detail": ""} == none.json() | {"detail": ""}
    assert hidden.json()["detail"].replace(door.keys.recording_id, "none") == none.json()["detail"]
    hidden_job = await door.client.get(f"/jobs/{job}", headers=outsider)
    no_job = await door.client.get("/jobs/none", headers=outsider)
    assert hidden_job.json()["detail"].replace(job, "none") == no_job.json()["detail"]


async def test_a_stranger_finds_an_open_recording_only_when_it_is_registered(door: Door) -> None:
    stranger = door.user("host", room="another-room")
    assert (await door.client.get(door.path, headers=stranger)).status_code == 404
    await door.services.registry.register(
        Registration(room_id=door.keys.room_id, recording_id=door.keys.recording_id)
    )
    assert (await door.client.get(door.path, headers=stranger)).status_code == 200


async def test_a_policy_that_changes_counts_at_once(door: Door) -> None:
    participant = door.user("participant")
    door.put_policy("logged_in")
    assert (await door.client.get(door.path, headers=participant)).status_code == 200
    door.put_policy("host")
    assert (await door.client.get(door.path, headers=participant)).status_code == 404
    door.services.store.put(door.keys.policy, b"{not json")
    assert (await door.client.get(door.path, headers=participant)).status_code == 404
    assert (await door.client.get(door.path, headers=door.user("host"))).status_code == 200


async def test_the_recording_services_call(door: Door) -> None:
    path = f"{door.path}/export"
    part = {"job_type": "quick_access", "format": "mp4", "start_time_sec": 0, "end_time_sec": 10, "layout": "grid",
            "output_key": "quick_access/part-0001.mp4", "tiles": [], "spotlight_key": "",
            "audio_source_key": ""}  # fmt: skip
    taken = await door.client.post(path, headers=door.service(), json=part)
    assert (taken.status_code, set(taken.json())) == (202, {"job_id", "status"})
    job = await door.services.jobs.find(taken.json()["job_id"])
    assert job is not None
    assert job.request["output_key"] == "quick_access/part-0001.mp4"
    wrong_key = door.service() | {"X-Compositer-Service-Key": "wrong"}
    no_room = {"X-Compositer-Service-Key": door.service()["X-Compositer-Service-Key"]}
    for headers in (wrong_key, no_room):
        refused = await door.client.post(path, headers=headers, json=part)
        assert refused.status_code == 401
        assert "X-Compositer-Service-Key and X-Compositer-Room-Id" in refused.json()["detail"]
        assert "Bearer" not in refused.json()["detail"]
    assert (await door.client.post(path, headers=door.service("another-room"), json=part)).status_code == 404
    assert (await door.client.post(path, headers=door.service("../rooms"), json=part)).status_code == 404
    await door.services.registry.register(
        Registration(room_id=door.keys.room_id, recording_id=door.keys.recording_id)
    )
    assert (await door.client.post(path, headers=door.service("another-room"), json=part)).status_code == 403
    told = (await door.client.get(door.path, headers=door.user())).json()
    assert (told["export_status"], told["exports"]) == (None, [])   # a part is no export of a person's


async def test_a_job_belongs_to_the_recording_of_its_own_room(door: Door) -> None:
    """Where two rooms have a recording of the same id, who sees the one does not see the other's jobs."""
    there = door.keys.recording_id
    door.services.store.put(f"rooms/other-room/{there}/metadata.json", b"{}")
    job = await door.services.jobs.submit(a_job(room="other-room", recording=there))
    mine, theirs = door.user("host"), door.user("host", room="other-room")
    for method, url in [("GET", ""), ("GET", "/events"), ("DELETE", "")]:
        answer = await door.client.request(method, f"/jobs/{job.job_id}{url}", headers=mine)
        assert answer.status_code == 404, (method, url)
    assert (await door.client.get(f"/jobs/{job.job_id}", headers=theirs)).json()["room_id"] == "other-room"
    assert (await door.client.delete(f"/jobs/{job.job_id}", headers=theirs)).status_code == 202
