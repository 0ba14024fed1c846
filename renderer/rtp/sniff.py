"""Which codec a track carries, from names cut to eight characters, or from the packets themselves.

Takes what metadata.json and the segment header say, and a sample of packets in file order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from renderer.rtp.assemble import CODECS
from renderer.rtp.packet import Bools, PacketTable, Payloads

_NAMES = {
    "opus": ("opus",),
    "audio/op": ("opus",),
    "audio/opus": ("opus",),
    "vp8": ("vp8",),
    "vp9": ("vp9",),
    "video/vp8": ("vp8",),
    "video/vp9": ("vp9",),
    "video/vp": ("vp8", "vp9"),
    "h264": ("h264",),
    "video/h2": ("h264",),
    "video/h264": ("h264",),
    "av1": ("av1",),
    "video/av": ("av1",),
    "video/av1": ("av1",),
}
_VIDEO = ("vp8", "vp9", "h264", "av1")


def candidates(name: str, kind: str) -> tuple[str, ...]:
    """The codecs that `name` may mean; without a name all of the kind's, () where it is none of ours."""
    if name.lower() in _NAMES:
        return _NAMES[name.lower()]
    if name:
        return ()
    return ("opus",) if kind == "audio" else _VIDEO


def guess_codec(table: PacketTable, payload_type: int, names: Sequence[str]) -> str:
    """The one of `names` whose picture starts agree best with the marker bits, and whose keyframes parse.

    After a marker the next packet must open a picture, and else it must not: for a wrong codec that holds by
    chance only. The first of `names` where nothing speaks for another.
    """
    rows = np.nonzero(table.valid & ~table.empty & (table.payload_type == payload_type))[0]
    if len(rows) < 2:
        return names[0]
    payloads = Payloads(table.octets, table.payload_start[rows], table.payload_end[rows])
    opens = table.marker[rows][:-1]
    scores = {name: _agreement(name, payloads, opens) for name in names}
    return max(scores, key=lambda name: scores[name])


def _agreement(name: str, payloads: Payloads, opens: Bools) -> float:
    facts = CODECS[name].inspect(payloads)
    agrees = float(np.mean(facts.valid[1:] & np.where(opens, facts.starts[1:], ~facts.starts[1:])))
    return agrees + (1.0 if np.any(facts.width > 0) else 0.0)
