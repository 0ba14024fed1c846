"""A job keeps to its table, and is the same after a way through storage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from pydantic import ValidationError

from farm.errors import IllegalTransition
from farm.job import TRANSITIONS, Job, JobStatus, Progress, moment, new_job

START = datetime(2026, 2, 1, 10, 0, tzinfo=UTC)
LATER = START + timedelta(seconds=90)
STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)


def a_job(status: JobStatus = "queued") -> Job:
    job = new_job("job-1", "export", "room-1", "rec-1", request={"preset": "high"}, created_by="ada", at=START)
    return job.changed(START, status=status)


@pytest.mark.parametrize("was", STATUSES)
@pytest.mark.parametrize("to", STATUSES)
def test_it_moves_as_the_table_says_and_no_other_way(was: JobStatus, to: JobStatus) -> None:
    job = a_job(was)
    if to in TRANSITIONS[was]:
        assert job.moved(to, LATER).status == to
        return
    with pytest.raises(IllegalTransition) as caught:
        job.moved(to, LATER)
    assert (caught.value.was, caught.value.to) == (was, to)


def test_what_is_over_stays_over() -> None:
    assert [status for status in STATUSES if a_job(status).finished] == ["ready", "failed"]
    assert all(status in TRANSITIONS for status in STATUSES)


def test_a_move_changes_what_it_names_and_the_times_alone() -> None:
    began = a_job().moved("processing", LATER, epoch=7, attempts=1)
    assert began.model_dump(exclude={"status", "updated_at", "epoch", "attempts"}) == a_job().model_dump(
        exclude={"status", "updated_at", "epoch", "attempts"}
    )
    assert (began.updated_at, began.finished_at, began.epoch) == (LATER, None, 7)
    assert began.moved("ready", LATER, result={}).finished_at == LATER


def test_a_changed_field_is_checked_as_a_new_one() -> None:
    with pytest.raises(ValidationError):
        a_job().moved("failed", LATER, reason=7)


def test_it_survives_the_way_through_json_and_its_times_have_milliseconds() -> None:
    job = a_job("processing").changed(
        LATER.astimezone(timezone(timedelta(hours=5, minutes=30))),
        progress=Progress(done=1, total=4, unit="tasks", fraction=0.25, eta_s=3.5),
        warnings=({"code": "segment-missing", "message": "…"},),
    )
    assert Job.from_json(job.to_json()) == job
    assert b'"updated_at":"2026-02-01T10:01:30.000Z"' in job.to_json()
    assert Job.from_json(job.to_json()).to_json() == job.to_json()


def test_a_record_of_a_later_version_is_read_without_what_is_not_known() -> None:
    assert Job.from_json(a_job().to_json()[:-1] + b',"colour":"red"}') == a_job()


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", a_job().to_json().replace(b"queued", b"lost")])
def test_what_is_no_record_is_an_error_of_value(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (pydantic's own)
        Job.from_json(data)


def test_a_moment_has_milliseconds() -> None:
    assert moment(1769940000.2509).isoformat() == "2026-02-01T10:00:00.250000+00:00"
