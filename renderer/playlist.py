"""HLS media playlists as text (RFC 8216): what exists of a stream, in order, from the start of the recording.

A playlist of a preview is an EVENT from first to last: while it is being made it lists what exists without a hole,
and when all is there it ends with EXT-X-ENDLIST. Pure functions of values.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta


def media_playlist(
    init: str, segments: Sequence[tuple[str, float]], *, segment_seconds: int, zero_unix_ms: float, complete: bool
) -> str:
    """The playlist of `segments`, each (URI, seconds); all begin with a keyframe.

    `zero_unix_ms` is recording time zero: EXT-X-PROGRAM-DATE-TIME tells every player which instant of the meeting
    it shows.
    """
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{segment_seconds}",
        "#EXT-X-MEDIA-SEQUENCE:1",
        "#EXT-X-PLAYLIST-TYPE:EVENT",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    if segments:
        lines += [f'#EXT-X-MAP:URI="{init}"', f"#EXT-X-PROGRAM-DATE-TIME:{_date_time(zero_unix_ms)}"]
    for uri, seconds in segments:
        lines += [f"#EXTINF:{seconds:.6f},", uri]
    if complete:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _date_time(unix_ms: float) -> str:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=round(unix_ms))
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
