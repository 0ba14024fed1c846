"""Settings come from the environment, each is checked, and the table of them is whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from farm.errors import BadSetting
from farm.settings import FarmSettings, load_settings, settings_table


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FARM_")]:
        monkeypatch.delenv(name)


def test_without_any_variable_there_are_sane_defaults() -> None:
    settings = load_settings()
    assert (settings.scheduler, settings.workers, settings.loss_policy) == (None, None, "freeze")
    assert settings.max_keyframe_interval_s == 120.0
    assert (settings.audio_level_extension_id, settings.video_orientation_extension_id) == (10, 11)
    assert all(folder.is_dir() for folder in settings.font_dirs)


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARM_WORKERS", "3")
    monkeypatch.setenv("FARM_LOSS_POLICY", "hold")
    monkeypatch.setenv("FARM_DASHBOARD", "no")
    monkeypatch.setenv("FARM_FONT_DIRS", f"/a/fonts{os.pathsep}{os.pathsep}/b")
    settings = load_settings()
    assert (settings.workers, settings.loss_policy, settings.dashboard) == (3, "hold", False)
    assert settings.font_dirs == (Path("/a/fonts"), Path("/b"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FARM_WORKERS", "many"),
        ("FARM_WORKERS", "-1"),
        ("FARM_LOSS_POLICY", "panic"),
        ("FARM_DASHBOARD_PORT", "70000"),
        ("FARM_VIDEO_ORIENTATION_EXTENSION_ID", "0"),
        ("FARM_MAX_KEYFRAME_INTERVAL_S", "0"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=name):
        load_settings()


def test_the_table_has_a_described_row_for_every_setting() -> None:
    rows = settings_table().splitlines()[2:]
    assert len(rows) == len(FarmSettings.model_fields)
    for name, row in zip(FarmSettings.model_fields, rows, strict=True):
        _, variable, _, meaning, _ = row.split("|")
        assert variable.strip() == f"`FARM_{name.upper()}`"
        assert len(meaning.strip()) > 10
