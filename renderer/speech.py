"""Who spoke, measured from the sound: for audio tracks that carry no level and meetings whose timeline is silent.

One level per Opus packet, in the terms of the audio-level header extension (RFC 6464: -dBov, 0 loudest, 127
silence), saved beside the index so that it is measured once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from renderer.decode import OpusDecoder
from renderer.rtp.units import AccessUnit
from storage.errors import ObjectNotFound
from storage.objects import ObjectStore

SILENCE = 127


def levels(units: Iterator[AccessUnit], on_unit: Callable[[], None]) -> NDArray[np.uint8]:
    """The level of each packet, (n,) uint8."""
    decoder = OpusDecoder()
    measured: list[int] = []
    for unit in units:
        measured.append(_level(decoder.decode(unit.data)))
        on_unit()
    return np.array(measured, np.uint8)


def save_levels(store: ObjectStore, index_key: str, measured: NDArray[np.uint8]) -> None:
    """Saves levels beside the index that they belong to."""
    store.put(_key(index_key), measured.tobytes())


def load_levels(store: ObjectStore, index_key: str) -> NDArray[np.uint8] | None:
    """The saved levels; None where they were not measured yet."""
    try:
        return np.frombuffer(store.get(_key(index_key)), np.uint8)
    except ObjectNotFound:
        return None


def _key(index_key: str) -> str:
    return index_key.removesuffix(".idx") + ".levels"


def _level(samples: NDArray[np.float32]) -> int:
    power = float(np.mean(np.square(samples))) if len(samples) else 0.0
    return SILENCE if power <= 0 else int(np.clip(round(-10 * np.log10(power)), 0, SILENCE))
