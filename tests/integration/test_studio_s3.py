"""The studio over a real S3 server: what is planned, drawn and looked at lies in a bucket."""

from __future__ import annotations

import json

import pytest

from farm.settings import FarmSettings
from scheduler_api.studio import Studio
from storage.objects import StoreSpec
from tests.support.buckets import keys, upload
from tests.support.images import encoded
from tests.support.recordings import recording_dir

pytestmark = [pytest.mark.s3, pytest.mark.anyio]

STATE = json.dumps({"export": {"resolution": "640x360"}}).encode()


async def test_plan_still_and_labels_of_a_recording_in_a_bucket(s3_spec: StoreSpec) -> None:
    source = recording_dir("kickoff")
    upload(source, s3_spec)
    where = s3_spec, source.parent.name, source.name
    async with Studio(FarmSettings(font_dirs=()), workers=1) as studio:
        plan = json.loads(await studio.plan(*where, STATE))
        named = {tile["label"]["image"] for tile in plan["scenes"][0]["tiles"] if tile["label"]}
        stored = {key.rsplit("/", 1)[1] for key in keys(s3_spec) if "/cache/rasters/" in key}
        assert {f"{key}.png" for key in named} <= stored
        for key in named:
            assert (await studio.label(*where, key)).startswith(b"\x89PNG")
        assert (await studio.still(*where, STATE, 3.0, "jpeg")).startswith(b"\xff\xd8\xff")
        assert (await studio.check_image("logo", encoded((8, 8), "PNG"))).form == "png"
