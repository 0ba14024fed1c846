"""RTP ticks to recording time, from the arrival of packets (there are no RTCP reports).

Takes (ticks, arrival) pairs of one track, gives a `ClockFit`: a piecewise linear map. Arrival jitters upwards
only, so the sender's clock is the lower edge of arrival minus RTP time. Promises about 2 ms over hours with
drift up to 500 ppm, bends and bursts; the rest of the error is the server's clock, which counts whole ms.

- Minima of arrival - RTP time in bins of 2 s; at knots every 15 s the lower convex hull of the bins within
  60 s either side, evaluated on its edge above the knot's window centre; linear between knots.
- Below 30 s: the sender's clock is taken at its word, with the one minimum as offset.
- A new fit begins where the timestamp jumps, or stalls while arrival goes on.
- Arrivals that break the order of the file or lie far below the edge for a moment (the server's clock stepped
  back, a damaged record) are left out.

Knows no packets and no codec. A route that is slower for more than two minutes is followed like a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BIN_MS = 2_000.0
KNOT_MS = 15_000.0
WINDOW_MS = 60_000.0
MAX_SLOPE = 1e-3
"""1000 ppm: twice what the worst clock drifts."""
SHORT_MS = 30_000.0
"""A fit below this length has slope 1."""

JUMP_MS = 10_000.0
"""A change of arrival - RTP time by more than this is no jitter, however short."""
SHIFT_MS = 250.0
"""A smaller change, from this on, is a jump or stall if it lasts for `SETTLE_MS`."""
SETTLE_MS = 10_000.0
SETTLE_POINTS = 8

EARLY_MS = 25.0
_EARLY_BINS = 3
_AROUND_BINS = int(WINDOW_MS / BIN_MS)
"""An arrival below the edge by `EARLY_MS`, for less than `_EARLY_BINS` bins, is no clock."""
ORDER_MS = 20.0
_ORDER_WINDOW = 11


@dataclass(frozen=True, eq=False)
class ClockFit:
    """A map from unwrapped ticks to recording time, linear between knots, of slope 1 beyond the outermost.

    The fits follow each other in `knots_*`; fit k holds the knots from `fit_starts[k]` on.
    """

    clock_rate: int
    """Ticks per second, nominal."""
    knots_ticks: Ints
    """(k,) int64, strictly rising."""
    knots_ms: Floats
    """(k,) float64, recording time in ms."""
    fit_starts: Ints
    """(f,) int64; empty for a track without packets."""

    def to_us(self, ticks: Ints) -> Ints:
        """Recording time in microseconds of unwrapped ticks; (n,) int64, all 0 without packets."""
        return np.rint(self.to_ms(ticks) * 1000).astype(np.int64)

    def to_ms(self, ticks: Ints) -> Floats:
        """Recording time in milliseconds of unwrapped ticks, not rounded; (n,) float64, all 0 without packets."""
        if not len(self.knots_ticks):
            return np.zeros(len(ticks))
        offset = np.interp(ticks, self.knots_ticks, self.knots_ms - self._nominal_ms(self.knots_ticks))
        return self._nominal_ms(ticks) + offset

    @property
    def drift_ppm(self) -> float:
        """How much more time passes than the sender's clock counts, over the longest fit.

        0 where that is too short to tell.
        """
        if not len(self.fit_starts):
            return 0.0
        ends = np.append(self.fit_starts[1:], len(self.knots_ticks)) - 1
        k = int(np.argmax(self.knots_ticks[ends] - self.knots_ticks[self.fit_starts]))
        first, last = int(self.fit_starts[k]), int(ends[k])
        nominal = float(self._nominal_ms(self.knots_ticks[last : last + 1] - self.knots_ticks[first])[0])
        if nominal <= 0:
            return 0.0
        return float((self.knots_ms[last] - self.knots_ms[first] - nominal) / nominal * 1e6)

    def _nominal_ms(self, ticks: Ints) -> Floats:
        return _nominal_ms(ticks, self.clock_rate)


def fit_clock(ticks: Ints, arrival_ms: NDArray[np.int64] | Floats, clock_rate: int) -> ClockFit:
    """The fit of n pairs, given in the order in which the server wrote them.

    `ticks` are unwrapped; packets of one picture share them. `arrival_ms` is recording time.
    """
    arrival = arrival_ms.astype(np.float64)
    kept = ~out_of_order(arrival)
    unique, earliest = _earliest(ticks[kept], arrival[kept])
    nominal = _nominal_ms(unique, clock_rate)
    offset = earliest - nominal
    bounds = _boundaries(nominal, offset)
    knots = [
        _fit_one(unique[a:b], nominal[a:b], offset[a:b]) for a, b in pairwise(bounds)
    ]
    counts = [len(t) for t, _ in knots]
    knots_ticks = np.concatenate([np.zeros(0, np.int64), *(t for t, _ in knots)])
    offsets = np.concatenate([np.zeros(0), *(o for _, o in knots)])
    return ClockFit(
        clock_rate=clock_rate,
        knots_ticks=knots_ticks,
        knots_ms=_nominal_ms(knots_ticks, clock_rate) + offsets,
        fit_starts=np.cumsum([0, *counts], dtype=np.int64)[:-1],
    )


def _nominal_ms(ticks: Ints, clock_rate: int) -> Floats:
    return (ticks * (1000.0 / clock_rate)).astype(np.float64)


def out_of_order(arrival_ms: Floats) -> NDArray[np.bool_]:
    """Which arrivals lie off the order of the file by more than `ORDER_MS`.

    Records are written as they arrive, and the median of neighbours leaves a rising sequence as it is.
    """
    if len(arrival_ms) < _ORDER_WINDOW or np.all(np.diff(arrival_ms) >= 0):
        return np.zeros(len(arrival_ms), np.bool_)
    half = _ORDER_WINDOW // 2
    padded = np.concatenate([arrival_ms[:half][::-1], arrival_ms, arrival_ms[-half:][::-1]])
    padded[:half], padded[-half:] = -np.inf, np.inf
    median = np.median(sliding_window_view(padded, _ORDER_WINDOW), axis=1)
    off: NDArray[np.bool_] = np.abs(arrival_ms - median) > ORDER_MS
    return off


def _earliest(ticks: Ints, arrival: Floats) -> tuple[Ints, Floats]:
    """Each tick once, rising, with its earliest arrival."""
    if not len(ticks):
        return ticks.astype(np.int64), arrival
    order = np.argsort(ticks, kind="stable")
    ticks, arrival = ticks[order], arrival[order]
    first = np.nonzero(np.concatenate(([True], np.diff(ticks) > 0)))[0]
    return ticks[first].astype(np.int64), np.minimum.reduceat(arrival, first)


def _boundaries(nominal: Floats, offset: Floats) -> list[int]:
    """Where the fits begin, and n."""
    if not len(nominal):
        return [0]
    step = np.abs(np.diff(offset))
    hard = np.nonzero(step > JUMP_MS)[0] + 1
    edges = np.concatenate(([0], hard, [len(offset)]))
    bounds = {int(edge) for edge in edges}
    for at in np.nonzero((step > SHIFT_MS) & (step <= JUMP_MS))[0] + 1:
        k = int(np.searchsorted(edges, at, side="right"))
        if _lasts(nominal, offset, int(edges[k - 1]), int(at), int(edges[k])):
            bounds.add(int(at))
    return sorted(bounds)


def _lasts(nominal: Floats, offset: Floats, first: int, at: int, last: int) -> bool:
    """Whether the lower edge before `at` and the one behind it, within [first, last), lie `SHIFT_MS` apart."""
    begin = max(first, int(np.searchsorted(nominal, nominal[at] - SETTLE_MS)))
    end = min(last, int(np.searchsorted(nominal, nominal[at] + SETTLE_MS)))
    if begin == at or end - at < min(SETTLE_POINTS, last - first - 1):
        return False
    return bool(abs(offset[at:end].min() - offset[begin:at].min()) > SHIFT_MS)


def _fit_one(ticks: Ints, nominal: Floats, offset: Floats) -> tuple[Ints, Floats]:
    """Knots of one fit: ticks, and arrival - RTP time in ms there."""
    at, low = _without_early(*_bin_minima(nominal, offset))
    if nominal[-1] - nominal[0] < SHORT_MS:
        ends = np.unique(ticks[[0, -1]])
        return ends, np.full(len(ends), low.min())
    count = max(2, int(np.ceil((nominal[-1] - nominal[0]) / KNOT_MS)) + 1)
    knots_ticks = np.rint(np.linspace(float(ticks[0]), float(ticks[-1]), count)).astype(np.int64)
    knots = np.interp(knots_ticks, ticks[[0, -1]], nominal[[0, -1]])
    founded = _near(at, knots)
    return knots_ticks[founded], np.array([_edge_at(at, low, float(knot)) for knot in knots[founded]])


def _without_early(at: Floats, low: Floats) -> tuple[Floats, Floats]:
    """Leaves out bins that lie `EARLY_MS` below all others of a minute either side, drift taken off.

    Nothing arrives before it was sent: there the server's clock was back for a moment. A lone bin without
    delay in two minutes of a slow network is sacrificed with them.
    """
    if len(at) <= 2 * _EARLY_BINS:
        return at, low
    lag = min(len(at) // 2, _AROUND_BINS)
    flat = low - np.median((low[lag:] - low[:-lag]) / (at[lag:] - at[:-lag])) * at
    padded = np.pad(flat, _AROUND_BINS, constant_values=np.inf)
    around = sliding_window_view(padded, 2 * _AROUND_BINS + 1).copy()
    around[:, _AROUND_BINS - _EARLY_BINS + 1 : _AROUND_BINS + _EARLY_BINS] = np.inf
    kept = flat >= around.min(axis=1) - EARLY_MS
    return at[kept], low[kept]


def _near(at: Floats, knots: Floats) -> NDArray[np.bool_]:
    """Which knots have a point within `KNOT_MS`: in a long pause there is nothing to found one on."""
    after = np.searchsorted(at, knots)
    right = np.abs(at[np.minimum(after, len(at) - 1)] - knots)
    left = np.abs(at[np.maximum(after - 1, 0)] - knots)
    near: NDArray[np.bool_] = np.minimum(left, right) <= KNOT_MS
    return near


def _bin_minima(nominal: Floats, offset: Floats) -> tuple[Floats, Floats]:
    """The lowest point of each bin that has one."""
    number = ((nominal - nominal[0]) // BIN_MS).astype(np.int64)
    order = np.lexsort((offset, number))
    first = order[np.concatenate(([True], np.diff(number[order]) > 0))]
    return nominal[first], offset[first]


def _edge_at(at: Floats, low: Floats, knot: float) -> float:
    """The hull edge above the centre of the window around `knot`, evaluated at `knot`.

    Few points may make an edge steeper than any clock; then it is a line of `MAX_SLOPE` below all points.
    """
    begin = max(float(at[0]), min(knot - WINDOW_MS, float(at[-1]) - 2 * WINDOW_MS))
    inside = (at >= begin) & (at <= begin + 2 * WINDOW_MS)
    x, y = at[inside], low[inside]
    if len(x) == 1:
        return float(y[0])
    hull = _lower_hull(x, y)
    centre = (float(x[0]) + float(x[-1])) / 2
    k = min(max(int(np.searchsorted(x[hull], centre, side="right")), 1), len(hull) - 1)
    left, right = hull[k - 1], hull[k]
    slope = np.clip((y[right] - y[left]) / (x[right] - x[left]), -MAX_SLOPE, MAX_SLOPE)
    return float((y - slope * (x - knot)).min())


def _lower_hull(x: Floats, y: Floats) -> list[int]:
    """Indices of the lower convex hull of points with rising x (Andrew's monotone chain)."""
    hull: list[int] = []
    xs, ys = x.tolist(), y.tolist()
    for i in range(len(xs)):
        while len(hull) >= 2:
            o, a = hull[-2], hull[-1]
            if (xs[a] - xs[o]) * (ys[i] - ys[o]) > (ys[a] - ys[o]) * (xs[i] - xs[o]):
                break
            hull.pop()
        hull.append(i)
    return hull
