"""The command line: `farm inspect | plan | export | preview | still`, and the commands of operators.

Reads arguments and the environment, opens what is named, hands values down. Progress goes to standard error,
`--json` is one document on standard output. Exit status: 0 done, 1 failed or bad content, with one clear line on
standard error, 2 wrong usage.
"""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from compositing.errors import InvalidState
from compositing.plan_json import plan_to_json
from compositing.state import MAX_TIME_MS, CompositionState, default_state, parse_state
from compositing.stills import StillFormat
from farm.errors import exit_message
from farm.events import Event
from farm.executors.base import CancelToken, Executor
from farm.executors.local import LocalExecutor
from farm.operations_cli import add_to as add_operations
from farm.output import check_output
from farm.prepare import open_source
from farm.progress import ProgressDisplay
from farm.settings import FarmSettings, load_settings
from renderer.profiles import PRESETS
from storage.local import atomic_file


class _Seconds(click.FloatRange):
    """A time in seconds; a number that is none lies in no range."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        return self.fail(f"{value} is no time", param, ctx) if math.isnan(found) else found


SECONDS = _Seconds(0, MAX_TIME_MS / 1000)
STILL_FORMATS: dict[str, StillFormat] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}
_OPTIONS = {"start_ms": "--start", "end_ms": "--end", "": "--start, --end"}
"""What the fields of a state's export are called here, where their names differ."""


def _source(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("source", metavar="SOURCE")(function)


def _composition(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--composition",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="A Composition State (JSON).",
    )(function)


def _workers(function: Callable[..., Any]) -> Callable[..., Any]:
    there = click.option("--scheduler", metavar="ADDRESS", help="A running Dask scheduler instead.")
    text = "Worker processes here; 0 is this process."
    return click.option("--workers", type=click.IntRange(0), metavar="N", help=text)(there(function))


def _json(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")(function)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="recording-farm", prog_name="farm")
def main() -> None:
    """Makes videos from the source tracks of recorded meetings.

    SOURCE is a recording's folder, …/rooms/ROOM/ID, or s3://bucket/rooms/ROOM/ID.
    """


@main.command()
@_source
@_json
def inspect(source: str, as_json: bool) -> None:
    """What a recording holds, and how healthy it is."""
    from farm.inspection import inspect_recording, render_report

    with _reporting(as_json) as (settings, observer, cancel):
        report = inspect_recording(open_source(source, settings), settings, LocalExecutor(), observer, cancel)
    _print(report.to_json() if as_json else render_report(report))


@main.command()
@_source
@_composition
@_json
def plan(source: str, composition: Path | None, as_json: bool) -> None:
    """Who is where when: the plan that the export renders."""
    from farm.inspection import describe_plan
    from farm.run import Surroundings, plan_of

    with _reporting(as_json) as (settings, observer, cancel):
        around = Surroundings(settings, LocalExecutor(), observer, cancel)
        composed = plan_of(open_source(source, settings), _state(composition, {}), around)
    _print(plan_to_json(composed.plan) if as_json else describe_plan(composed))


@main.command()
@_source
@_composition
@click.option("--at", "at_s", type=SECONDS, required=True, metavar="SECONDS", help="Recording time.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE.png")
@click.option("--resolution", metavar="WxH", help="Over what the composition asks for.")
def still(source: str, composition: Path | None, at_s: float, output: Path, resolution: str | None) -> None:
    """The composed picture at one instant, by the export's own engine."""
    from farm.run import Surroundings
    from farm.stills import still_of

    form = STILL_FORMATS.get(output.suffix.lower())
    if form is None:
        known = ", ".join(STILL_FORMATS)
        raise click.UsageError(f"--output: a still is a file that ends in {known}, not {output.name}")
    with _reporting(quiet=False) as (settings, observer, cancel):
        around = Surroundings(settings, LocalExecutor(), observer, cancel)
        state = _state(composition, {"resolution": resolution})
        check_output(output)
        data = still_of(open_source(source, settings), state, at_s, form, around)
        with atomic_file(output) as file:
            file.write(data)


@main.command()
@_source
@_composition
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to; else the recording's own processed/exports/.",
)
@click.option("--resolution", metavar="WxH", help="Over what the composition asks for.")
@click.option("--fps", type=click.IntRange(1, 60), help="Over what the composition asks for.")
@click.option("--preset", type=click.Choice(PRESETS), default="standard", show_default=True, help="Speed or quality.")
@click.option(
    "--format", "form", type=click.Choice(["mp4", "m4a"]), default="mp4", show_default=True, help="m4a: sound alone."
)
@click.option("--start", "start_s", type=SECONDS, metavar="S", help="Seconds of recording time.")
@click.option("--end", "end_s", type=SECONDS, metavar="S", help="Seconds of recording time.")
@click.option("--encoder", type=click.Choice(["auto", "x264", "nvenc"]), default="auto", show_default=True)
@click.option("--thumbnails", "thumbnails_s", type=click.FloatRange(min=0.1), metavar="S", help="One every S seconds.")
@_workers
@click.option("--no-cache", is_flag=True, help="Render every chunk anew.")
@_json
def export(source: str, composition: Path | None, **options: Any) -> None:
    """Renders the video of a recording."""
    from farm.cluster import open_executor
    from farm.run import ExportOptions, Surroundings
    from farm.run import export as run_export

    wishes = {"resolution": options["resolution"], "fps": options["fps"]}
    wishes |= {"start_ms": _ms(options["start_s"]), "end_ms": _ms(options["end_s"])}
    as_json = options["as_json"]
    with _reporting(as_json) as (settings, observer, cancel):
        state = _state(composition, wishes)
        recording = open_source(source, settings)
        settings = _with_cluster(settings, options["workers"], options["scheduler"])
        with open_executor(settings, workers=options["workers"]) as executor:
            _announce(executor, quiet=as_json)
            asked = ExportOptions(
                preset=options["preset"],
                format=options["form"],
                encoder=options["encoder"],
                reuse=not options["no_cache"],
                thumbnails_every_s=options["thumbnails_s"],
                output=options["output"],
            )
            report = run_export(recording, state, asked, Surroundings(settings, executor, observer, cancel))
    _print(report.to_json() if as_json else _summary(report))


@main.command()
@_source
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to; else the recording's own preview/.",
)
@click.option(
    "--segment-seconds", type=click.Choice(["2", "4"]), default="4", show_default=True, help="Length of a segment."
)
@click.option("--preset", type=click.Choice(["standard", "low"]), default="standard", show_default=True)
@click.option("--audio", is_flag=True, help="A stream of sound alone for each peer, too.")
@_workers
@click.option("--no-cache", is_flag=True, help="Render every segment anew.")
@_json
def preview(source: str, **options: Any) -> None:
    """Makes HLS streams of each peer, all on one clock, for a browser to play and scrub."""
    from farm.cluster import open_executor
    from farm.preview import PreviewOptions
    from farm.preview import preview as run_preview
    from farm.run import Surroundings

    as_json = options["as_json"]
    with _reporting(as_json) as (settings, observer, cancel):
        recording = open_source(source, settings)
        settings = _with_cluster(settings, options["workers"], options["scheduler"])
        asked = PreviewOptions(
            preset=options["preset"],
            segment_seconds=4 if options["segment_seconds"] == "4" else 2,
            audio=options["audio"],
            output=options["output"],
            reuse=not options["no_cache"],
        )
        with open_executor(settings, workers=options["workers"]) as executor:
            _announce(executor, quiet=as_json)
            report = run_preview(recording, asked, Surroundings(settings, executor, observer, cancel))
    _print(report.to_json() if as_json else _preview_summary(report))


add_operations(main)


def _preview_summary(report: Any) -> str:
    segments = f"{report.segments.rendered} of {report.segments.total} segments rendered, {report.segments.cached} kept"
    what = f"{report.streams} streams of {report.duration_ms / 1000:.1f} s, {segments}, {report.seconds:.1f} s"
    return "\n".join([*_warnings(report), report.output, what])


def _with_cluster(settings: FarmSettings, workers: int | None, scheduler: str | None) -> FarmSettings:
    """The settings with the cluster that the command line asks for."""
    if workers is not None and scheduler:
        raise click.UsageError("--workers and --scheduler exclude each other: workers are started here, or there")
    address = None if workers is not None else scheduler or settings.scheduler
    return settings.model_copy(update={"scheduler": address})


def _summary(report: Any) -> str:
    chunks = f"{report.chunks.rendered} of {report.chunks.total} chunks rendered, {report.chunks.cached} from the cache"
    what = f"{report.duration_ms / 1000:.1f} s, {report.bytes / 1e6:.1f} MB, {report.encoder}, {chunks}"
    return "\n".join([*_warnings(report), f"{report.output}", f"{what}, {report.seconds:.1f} s"])


def _warnings(report: Any) -> list[str]:
    return [f"warning  {_warning(**warning)}" for warning in report.warnings]


def _warning(code: str, message: str, track_id: str = "") -> str:
    return f"{code}: {message}" + (f" (track {track_id})" if track_id not in message else "")


def _announce(executor: Executor, quiet: bool) -> None:
    if executor.dashboard and not quiet:
        click.echo(f"Dashboard {executor.dashboard}", err=True)


def _state(path: Path | None, wishes: dict[str, Any]) -> CompositionState:
    """The state in a file, or the default one, with what the command line asks for instead."""
    state = parse_state(path.read_bytes()) if path else default_state()
    asked = {name: value for name, value in wishes.items() if value is not None}
    if not asked:
        return state
    document = state.model_dump(mode="json")
    document["export"] |= asked
    try:
        return parse_state(document)
    except InvalidState as error:
        raise click.UsageError("; ".join(_as_option(*problem) for problem in error.problems)) from error


def _as_option(pointer: str, message: str) -> str:
    name = pointer.removeprefix("/export").strip("/")
    return f"{_OPTIONS.get(name, f'--{name}')}: {message}"


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _print(result: str | dict[str, Any]) -> None:
    click.echo(result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, indent=2))


@contextmanager
def _reporting(quiet: bool) -> Iterator[tuple[FarmSettings, Callable[[Any], None], CancelToken]]:
    """Settings, progress on standard error, and every error as one line and exit status 1."""
    cancel = CancelToken()
    try:
        settings = load_settings()
        with _stopped_by_signals(cancel), nullcontext(_silent) if quiet else ProgressDisplay() as observer:
            yield settings, observer, cancel
    except (click.ClickException, click.exceptions.Exit):
        raise
    except Exception as error:
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    click.echo(f"farm: {exit_message(error)}", err=True)
    sys.exit(1)


def _silent(event: Event) -> None:
    """Nothing is said on the way."""


@contextmanager
def _stopped_by_signals(cancel: CancelToken) -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM end the work in order: workers stop between frames, nothing half-written stays."""

    def stop(number: int, frame: FrameType | None) -> None:
        cancel.cancel(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
