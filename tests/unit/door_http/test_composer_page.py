"""The composer's page: the same for everybody, its parts cached for ever, nothing else of the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.door import Door

pytestmark = pytest.mark.anyio


@pytest.fixture
def built(door: Door, tmp_path: Path) -> Door:
    """The door with a page."""
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>Composer</title>")
    (page / "assets" / "index-3f1b0c6a.js").write_text("export {};")
    (tmp_path / "secret.txt").write_text("not for anybody")
    door.app.state.page = page
    return door


async def test_the_page_is_the_same_for_every_recording_and_needs_no_token(built: Door) -> None:
    pages = [await built.client.get(f"/composer/{name}") for name in (built.keys.recording_id, "no-such-recording")]
    assert [page.status_code for page in pages] == [200, 200]
    assert pages[0].content == pages[1].content
    assert pages[0].headers["content-type"] == "text/html; charset=utf-8"


async def test_the_page_may_load_and_call_nothing_but_its_own_server(built: Door) -> None:
    headers = (await built.client.get("/composer/any")).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-cache"


async def test_its_parts_are_kept_by_browsers(built: Door) -> None:
    part = await built.client.get("/composer/assets/index-3f1b0c6a.js")
    assert part.status_code == 200
    assert part.headers["content-type"].startswith("text/javascript")
    assert "immutable" in part.headers["cache-control"]
    assert part.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name", ["..%2f..%2fsecret.txt", "%2e%2e", "..", "index-3f1b0c6a.js%00", "absent.js", "%2fetc%2fpasswd", ".env"]
)
async def test_nothing_else_of_the_disk_is_served(built: Door, name: str) -> None:
    answer = await built.client.get(f"/composer/assets/{name}")
    assert answer.status_code in (200, 404)
    assert b"not for anybody" not in answer.content
    assert answer.status_code == 404 or b"<title>Composer</title>" in answer.content


async def test_a_page_that_was_not_built_says_so(door: Door, tmp_path: Path) -> None:
    door.app.state.page = tmp_path / "nowhere"
    answer = await door.client.get("/composer/any")
    assert answer.status_code == 404
    assert "npm run build" in answer.json()["detail"]
