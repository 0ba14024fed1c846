"""The studio: what its workers make is what the farm makes, and hostile input costs one question, not the service."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from compositing.errors import (
    AssetNotAnImage,
    AssetTooLarge,
    AssetUnknown,
    InvalidRange,
    InvalidState,
    UnknownPeer,
    WrongRecording,
)
from compositing.plan_json import plan_to_json
from compositing.state import parse_state
from compositing.times import Span
from farm.executors.local import LocalExecutor
from farm.run import Surroundings, plan_of
from farm.settings import FarmSettings
from farm.stills import still_of
from scheduler_api.errors import NotFound, StudioBusy, StudioFailed, TooLarge, Unprocessable
from scheduler_api.settings import DoorSettings
from scheduler_api.studio import Studio
from scheduler_api.studio_process import Limits
from storage.errors import InvalidKey, RecordingNotFound
from storage.keys import RecordingKeys
from storage.objects import StoreSpec, open_store
from storage.recordings import open_recording
from tests.support.images import archive, encoded, noisy, png_chunk, png_claiming, png_with

pytestmark = pytest.mark.anyio

Kickoff = tuple[StoreSpec, RecordingKeys]
SETTINGS = FarmSettings(font_dirs=())
SMALL = {"export": {"resolution": "640x360", "fps": 10}}


def body(**state: Any) -> bytes:
    return json.dumps(SMALL | state).encode()


def where(kickoff: Kickoff) -> tuple[StoreSpec, str, str]:
    return kickoff[0], kickoff[1].room_id, kickoff[1].recording_id


@pytest.fixture(scope="module")
async def studio(anyio_backend: str) -> AsyncIterator[Studio]:
    async with Studio(SETTINGS, workers=1) as running:
        yield running


async def peer_of(studio: Studio, kickoff: Kickoff) -> str:
    plan = json.loads(await studio.plan(*where(kickoff), body()))
    return str(plan["audio"][0]["peer_id"])


def pid_of(studio: Studio) -> int:
    (worker,) = studio._workers
    assert worker.pid is not None
    return worker.pid


# ---- what it makes -------------------------------------------------------------------------------------------


async def test_a_plan_is_the_one_that_the_farm_renders(studio: Studio, shared_kickoff: Kickoff) -> None:
    spec, keys = shared_kickoff
    recording = open_recording(spec, keys.room_id, keys.recording_id)
    around = Surroundings(SETTINGS, LocalExecutor(), lambda event: None)
    state = body(layout="speaker", style={"transition_ms": 300})
    for window in (None, Span(3000, 7000)):
        expected = plan_to_json(plan_of(recording, parse_state(state), around, window).plan)
        assert json.loads(await studio.plan(*where(shared_kickoff), state, window)) == expected


async def test_a_still_is_the_frame_that_the_farm_draws(studio: Studio, shared_kickoff: Kickoff) -> None:
    spec, keys = shared_kickoff
    recording = open_recording(spec, keys.room_id, keys.recording_id)
    around = Surroundings(SETTINGS, LocalExecutor(), lambda event: None)
    peer = await peer_of(studio, shared_kickoff)
    for x in (0.1, 0.2, 0.1):  # while somebody drags: the second still knows the pictures of the first
        rect = {"x": x, "y": 0.2, "w": 0.3, "h": 0.3}
        state = body(timeline=[{"t": 0, "type": "place", "peer_id": peer, "rect": rect}])
        expected = still_of(recording, parse_state(state), 5.0, "png", around)
        assert await studio.still(*where(shared_kickoff), state, 5.0, "png") == expected


async def test_a_still_may_be_a_jpeg(studio: Studio, shared_kickoff: Kickoff) -> None:
    data = await studio.still(*where(shared_kickoff), body(), 2.0, "jpeg")
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (640, 360))


async def test_each_still_that_a_plan_names_can_be_had_by_its_key(studio: Studio, shared_kickoff: Kickoff) -> None:
    text = {"t": 0, "type": "text", "text": "Hello", "rect": {"x": 0, "y": 0, "w": 0.5, "h": 0.2}, "duration_ms": 9000}
    plan = json.loads(await studio.plan(*where(shared_kickoff), body(timeline=[text])))
    tiles = [tile for scene in plan["scenes"] for tile in scene["tiles"]]
    wanted = {(t["label"]["image"], t["label"]["rect"]["w"], t["label"]["rect"]["h"]) for t in tiles if t["label"]}
    wanted |= {(t["image"], t["rect"]["w"], t["rect"]["h"]) for t in tiles if t["image"]}
    assert len(wanted) > 3
    for key, w, h in wanted:
        with Image.open(io.BytesIO(await studio.label(*where(shared_kickoff), key))) as image:
            assert (image.format, image.size) == ("PNG", (w, h))


@pytest.mark.parametrize("key", ["0" * 32, "", "../../policy", "0" * 31, "0" * 31 + "/", "0" * 31 + "\n"])
async def test_a_key_that_no_plan_gave_is_not_found(studio: Studio, shared_kickoff: Kickoff, key: str) -> None:
    with pytest.raises(NotFound):
        await studio.label(*where(shared_kickoff), key)


async def test_an_uploaded_image_is_drawn(studio: Studio, shared_kickoff: Kickoff) -> None:
    spec, keys = shared_kickoff
    state = body(style={"image": {"asset": "logo.png", "rect": {"x": 0.8, "y": 0, "w": 0.2, "h": 0.2}}})
    with pytest.raises(AssetUnknown, match=r"logo\.png"):
        await studio.plan(*where(shared_kickoff), state)
    open_store(spec).put(keys.asset("logo.png"), encoded((40, 40), "PNG"))
    plan = json.loads(await studio.plan(*where(shared_kickoff), state))
    assert [t["kind"] for t in plan["scenes"][0]["tiles"]].count("image") == 1


# ---- what it refuses -----------------------------------------------------------------------------------------


async def test_every_problem_of_a_state_has_its_place(studio: Studio, shared_kickoff: Kickoff) -> None:
    state = b'{"layout": "pipes", "timeline": [{"t": 1, "type": "pin"}], "style": {"gap": NaN}}'
    with pytest.raises(InvalidState) as caught:
        await studio.plan(*where(shared_kickoff), state)
    assert {pointer for pointer, _ in caught.value.problems} == {"/layout", "/timeline/0/peer_id", "/style/gap"}


async def test_a_state_of_others_is_refused(studio: Studio, shared_kickoff: Kickoff) -> None:
    with pytest.raises(UnknownPeer) as peer:
        await studio.plan(*where(shared_kickoff), body(tracks=[{"peer_id": "nobody"}]))
    assert peer.value.path == "/tracks/0/peer_id"
    with pytest.raises(WrongRecording):
        await studio.still(*where(shared_kickoff), body(recording_id="another"), 1, "png")


@pytest.mark.parametrize(
    "state",
    [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"export": {"fps": 1e308}}', b'{"a":' * 900_00, b"[" * 500_000],
)
async def test_a_body_that_is_no_state_is_refused(studio: Studio, shared_kickoff: Kickoff, state: bytes) -> None:
    with pytest.raises(InvalidState):
        await studio.plan(*where(shared_kickoff), state)


async def test_a_body_of_ten_megabytes_does_not_reach_a_worker(studio: Studio, shared_kickoff: Kickoff) -> None:
    with pytest.raises(TooLarge):
        await studio.plan(*where(shared_kickoff), b"{" + b" " * 10_000_000 + b"}")


@pytest.mark.parametrize("t_s", [float("nan"), float("inf"), -1.0, 1e300])
async def test_a_time_that_is_none_is_refused(studio: Studio, shared_kickoff: Kickoff, t_s: float) -> None:
    with pytest.raises(Unprocessable):
        await studio.still(*where(shared_kickoff), body(), t_s, "png")


async def test_a_time_outside_the_recording_is_refused(studio: Studio, shared_kickoff: Kickoff) -> None:
    with pytest.raises(InvalidRange):
        await studio.still(*where(shared_kickoff), body(), 10_000, "png")
    with pytest.raises(InvalidRange):
        await studio.plan(*where(shared_kickoff), body(), Span(50_000, 40_000))


@pytest.mark.parametrize("bad", ["../policy", "a/b", "", "..", "\x00", "a" * 300])
async def test_an_id_that_leaves_its_place_is_refused(studio: Studio, shared_kickoff: Kickoff, bad: str) -> None:
    spec, keys = shared_kickoff
    with pytest.raises(InvalidKey):
        await studio.plan(spec, keys.room_id, bad, body())
    with pytest.raises(InvalidKey):
        await studio.label(spec, bad, keys.recording_id, "0" * 32)


async def test_a_recording_that_is_not_there_is_not_found(studio: Studio, shared_kickoff: Kickoff) -> None:
    with pytest.raises(RecordingNotFound):
        await studio.plan(shared_kickoff[0], "room", "nothing", body())


# ---- images --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
async def test_a_good_image_is_told_its_size_upright(studio: Studio, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    header = await studio.check_image("a", encoded((40, 20), form, exif=exif) + archive())
    assert (header.form, header.width, header.height) == (form.lower(), 20, 40)
    assert header.end == len(encoded((40, 20), form, exif=exif))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (encoded((8, 8), "GIF", "P"), AssetNotAnImage),
        (png_claiming(60_000, 60_000), AssetTooLarge),
        (encoded((5000, 3400), "PNG", "L"), AssetTooLarge),
        (png_claiming(4000, 4000), AssetNotAnImage),
        (png_with(png_chunk(b"IDAT", b"not deflate")), AssetNotAnImage),
        (noisy((64, 64), "PNG").replace(b"IDAT", b"IDAt", 1), AssetNotAnImage),
    ],
    ids=["gif", "bomb", "17 megapixels", "too few pixels", "broken pixels", "no pixels"],
)
async def test_a_bad_image_is_refused(studio: Studio, data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error, match="logo"):
        await studio.check_image("logo", data)


async def test_an_image_that_takes_too_long_is_refused_and_the_next_one_is_not() -> None:
    async with Studio(SETTINGS, workers=1, limits=Limits(image_seconds=0.02)) as hasty:
        with pytest.raises(AssetNotAnImage, match="too much time"):
            await hasty.check_image("logo", encoded((4000, 4000), "PNG"))
        assert (await hasty.check_image("logo", encoded((8, 8), "PNG"))).width == 8


async def test_an_image_that_takes_too_much_memory_is_refused_and_the_next_one_is_not() -> None:
    async with Studio(SETTINGS, workers=1, limits=Limits(memory_bytes=150 << 20)) as narrow:
        with pytest.raises(AssetNotAnImage, match="memory"):
            await narrow.check_image("logo", encoded((4000, 4000), "PNG"))
        assert (await narrow.check_image("logo", encoded((8, 8), "PNG"))).width == 8


# ---- workers -------------------------------------------------------------------------------------------------


async def test_a_worker_that_was_killed_is_replaced(studio: Studio, shared_kickoff: Kickoff) -> None:
    before = await studio.plan(*where(shared_kickoff), body())
    killed = pid_of(studio)
    os.kill(killed, signal.SIGKILL)
    results = await asyncio.gather(
        *(studio.plan(*where(shared_kickoff), body()) for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(result, StudioFailed) for result in results) <= 1
    assert [result for result in results if not isinstance(result, StudioFailed)] == [before] * (
        3 - sum(isinstance(result, StudioFailed) for result in results)
    )
    assert pid_of(studio) != killed


async def test_a_worker_that_dies_at_work_costs_its_own_question_alone(kickoff: Kickoff) -> None:
    async with Studio(SETTINGS, workers=1) as alone:
        await alone.check_image("a", encoded((8, 8), "PNG"))   # it is awake
        first = asyncio.create_task(alone.still(*where(kickoff), body(), 5, "png"))
        second = asyncio.create_task(alone.check_image("a", encoded((8, 8), "PNG")))
        await asyncio.sleep(0.05)
        os.kill(pid_of(alone), signal.SIGKILL)
        with pytest.raises(StudioFailed, match="the still"):
            await first
        assert (await second).width == 8


async def test_what_takes_too_long_is_stopped(kickoff: Kickoff) -> None:
    async with Studio(SETTINGS, workers=1, limits=Limits(seconds=0.01)) as hasty:
        with pytest.raises(StudioFailed, match="the plan"):
            await hasty.plan(*where(kickoff), body())


async def test_who_leaves_does_not_take_the_answer_of_another(studio: Studio, shared_kickoff: Kickoff) -> None:
    expected = await studio.plan(*where(shared_kickoff), body())
    still = asyncio.create_task(studio.still(*where(shared_kickoff), body(), 7.7, "png"))
    await asyncio.sleep(0.01)
    still.cancel()
    assert await studio.plan(*where(shared_kickoff), body()) == expected
    with pytest.raises(asyncio.CancelledError):
        await still


async def test_who_waits_too_long_for_a_worker_is_told_so(kickoff: Kickoff) -> None:
    async with Studio(SETTINGS, workers=1, patience_s=0.01) as small:
        first = asyncio.create_task(small.plan(*where(kickoff), body()))
        await asyncio.sleep(0)
        with pytest.raises(StudioBusy):
            await small.plan(*where(kickoff), body())
        assert await first


async def test_a_closed_studio_says_so_and_leaves_no_process(kickoff: Kickoff) -> None:
    studio = Studio(SETTINGS, workers=2)
    await studio.start()
    pids = [worker.pid for worker in studio._workers]
    await studio.close()
    assert [pid for pid in pids if pid and Path(f"/proc/{pid}").exists()] == []
    with pytest.raises(StudioFailed):
        await studio.plan(*where(kickoff), body())


async def test_a_worker_has_limits_and_none_of_the_doors_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARM_MEDIA_KEYS", "k1:secret-of-the-door")
    settings = DoorSettings(storage="/nowhere")
    assert settings.media_keys is not None
    async with Studio(settings, workers=1) as running:
        await running.check_image("a", encoded((8, 8), "PNG"))
        process = Path(f"/proc/{pid_of(running)}")
        limits = (process / "limits").read_text()
        assert "FARM_" not in (process / "environ").read_text()
    assert f"Max data size             {2 << 30}" in limits
    assert "Max core file size        0 " in limits


def test_the_api_decodes_nothing_itself() -> None:
    """Importing the studio loads nothing that could read a stranger's picture."""
    code = "import sys, scheduler_api.studio, scheduler_api.compositions; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"cv2", "PIL", "av", "fontTools", "dask"} & set(loaded) == set()
