"""From the packets that a sender makes to the records that a recorder stores.

Numbers the packets, writes their RTP headers (RFC 3550, one-byte header extensions of RFC 8285), and then
loses, repeats, delays and swaps them as a `Network` says, from its seed. Knows no codec and no file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tests.support.spec import Network

_PADDING_BYTES = 224
_MAX_LATE = 6


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet as it leaves the sender. `ticks` is the RTP timestamp before it wraps."""

    sent_ms: float
    ticks: int
    payload: bytes
    marker: bool
    frame: int
    """Which frame of the track it belongs to."""
    extensions: tuple[tuple[int, bytes], ...] = ()
    padding: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """One stored packet: `sequence` before it wraps, `number` its place among the packets sent."""

    arrival_ms: float
    sequence: int
    number: int
    frame: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """What arrived, in order of arrival, and which packets (by number) did not."""

    packets: tuple[Packet, ...]
    arrivals: tuple[Arrival, ...]
    lost: tuple[int, ...]


def deliver(packets: Iterable[Packet], network: Network, *, ssrc: int, payload_type: int) -> Delivery:
    """Carries `packets`, given in order of sending, over `network`."""
    sent = tuple(_with_padding(packets, network.padding_every))
    rng = np.random.default_rng([network.seed, ssrc])
    lost = _lost(sent, network, rng)
    times = _arrival_times(sent, network, rng)
    arrivals = []
    for number, packet in enumerate(sent):
        if lost[number]:
            continue
        sequence = network.first_sequence + number
        data = rtp_packet(packet, sequence, ssrc, payload_type)
        arrivals.append(Arrival(float(times[number]), sequence, number, packet.frame, data))
    arrivals = _mixed(arrivals, network, rng)
    return Delivery(sent, tuple(arrivals), tuple(np.flatnonzero(lost).tolist()))


def rtp_packet(packet: Packet, sequence: int, ssrc: int, payload_type: int) -> bytes:
    """The bytes of `packet`: header, one-byte extensions, payload, padding."""
    first = 0x80 | (0x20 if packet.padding else 0) | (0x10 if packet.extensions else 0)
    header = struct.pack(
        ">BBHII",
        first,
        packet.marker << 7 | payload_type,
        sequence & 0xFFFF,
        packet.ticks & 0xFFFFFFFF,
        ssrc,
    )
    tail = bytes(packet.padding - 1) + bytes([packet.padding]) if packet.padding else b""
    return header + _extensions(packet.extensions) + packet.payload + tail


def _extensions(elements: tuple[tuple[int, bytes], ...]) -> bytes:
    if not elements:
        return b""
    body = b"".join(bytes([ident << 4 | len(value) - 1]) + value for ident, value in elements)
    body += bytes(-len(body) % 4)
    return struct.pack(">HH", 0xBEDE, len(body) // 4) + body


def _with_padding(packets: Iterable[Packet], every: int) -> Iterator[Packet]:
    since = 0
    for packet in packets:
        yield packet
        since += 1
        if every and since >= every and packet.marker:
            since = 0
            yield Packet(packet.sent_ms, packet.ticks, b"", False, packet.frame, padding=_PADDING_BYTES)


def _lost(sent: tuple[Packet, ...], network: Network, rng: np.random.Generator) -> np.ndarray:
    """Which packets never arrive: a two-state chain, exact numbers, outages."""
    lost = np.zeros(len(sent), bool)
    if network.loss > 0:
        leave = 1.0 / network.loss_burst
        enter = leave * network.loss / (1.0 - network.loss)
        bad = False
        for number, draw in enumerate(rng.random(len(sent))):
            bad = draw >= leave if bad else draw < enter
            lost[number] = bad
    numbers = np.arange(len(sent)) + network.first_sequence
    lost |= np.isin(numbers & 0xFFFF, network.lose_sequences)
    times = np.array([packet.sent_ms for packet in sent])
    for start, end in network.outages:
        lost |= (times >= start) & (times < end)
    return lost


def _arrival_times(sent: tuple[Packet, ...], network: Network, rng: np.random.Generator) -> np.ndarray:
    times = np.array([packet.sent_ms for packet in sent]) + network.delay_ms
    if network.jitter_ms > 0:
        times += rng.exponential(network.jitter_ms, len(sent))
    for at, hold in network.bursts:
        held = (times >= at) & (times < at + hold)
        times[held] = at + hold
    return np.maximum.accumulate(times) if len(times) else times


def _mixed(arrivals: list[Arrival], network: Network, rng: np.random.Generator) -> list[Arrival]:
    """Moves and repeats packets: each stands behind a later one and shares its time of arrival."""
    if not (network.reorder or network.duplicates):
        return arrivals
    places: list[tuple[int, int, Arrival]] = []
    for place, arrival in enumerate(arrivals):
        late = place + int(rng.integers(2, _MAX_LATE + 1))
        moved = late < len(arrivals) and rng.random() < network.reorder
        places.append((late if moved else place, place, arrival))
        if rng.random() < network.duplicates:
            again = min(place + int(rng.integers(0, _MAX_LATE + 1)), len(arrivals) - 1)
            places.append((again, place, arrival))
    places.sort(key=lambda item: (item[0], item[0] != item[1], item[1]))
    return [
        Arrival(arrivals[place].arrival_ms, arrival.sequence, arrival.number, arrival.frame, arrival.data)
        for place, _, arrival in places
    ]
