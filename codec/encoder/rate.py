"""Hitting a rate: from a target in bytes, bpp or quality to the quantisation step.

Bytes fall smoothly with the step, so the search is a secant in (step, log bytes): first on the sample windows'
estimates, then on real encodings, until the file is within `TOLERANCE` below its target. The last few percent come from
some of the tiles, in which a bit is made dearer or cheaper.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

FINEST, MIDDLE, COARSEST = 0, 3300, 5119
TOLERANCE = 0.97
AIM = 0.988
MAX_CODINGS = 12
REFIT, MAX_REFITS = 80, 4

MAX_TRIMS, MOST_TRIMMED = 3, 0.45
"""Attempts to meet a size by coding some tiles again, and the share of them from which on coding all is simpler."""

THRIFTIEST = 1.25
"""Within this factor, and its inverse, another worth of a bit in some of the tiles costs no quality to speak of."""

REACH = 800
STEEPEST, FLATTEST = -0.03, -0.0012


DEFAULT_QUALITY = 60.0


def step_of_quality(quality: float) -> int:
    """Step index of a quality 0..100: 0 is hundredths of a bpp, 60 about half a bpp, 100 one code value of 14 bits."""
    return round(4400 - (quality / 100) ** 2 * (4400 - 1540))


@dataclass
class Curve:
    """Estimates (step, log2 bytes), and the step where a size should be met. usual: slope where there is only one."""

    points: dict[int, float] = field(default_factory=dict)
    usual: float = -0.004

    def add(self, step: int, size: float) -> None:
        self.points[step] = math.log2(max(size, 1.0))

    def slope(self, step: int) -> float:
        """Log2 bytes per step around a step."""
        near = sorted(self.points, key=lambda s: abs(s - step))[:2]
        if len(near) < 2:
            return self.usual
        slope = (self.points[near[1]] - self.points[near[0]]) / (near[1] - near[0])
        return min(max(slope, STEEPEST), FLATTEST)

    def solve(self, target: float, slope: float | None = None) -> int:
        """The step that should give `target` bytes: between two estimates around it, or a bounded way beyond them.

        slope: log2 bytes per step there; the estimates' own without it.
        """
        goal = math.log2(target)
        below = [s for s, b in self.points.items() if b <= goal]
        above = [s for s, b in self.points.items() if b > goal]
        if below and above and max(above) < min(below):
            low, high = max(above), min(below)
            share = (self.points[low] - goal) / max(self.points[low] - self.points[high], 1e-9)
            return round(low + share * (high - low))
        nearest = min(self.points, key=lambda s: abs(self.points[s] - goal))
        way = (goal - self.points[nearest]) / (slope or self.slope(nearest))
        return _within(nearest + min(max(way, -REACH), REACH))


def _within(step: float) -> int:
    return int(min(max(round(step), FINEST), COARSEST))


def search_estimate(
    estimate: Callable[[int], float],
    target: float,
    start: int,
    rounds: int = 6,
    enough: float = 0.07,
    slope: float | None = None,
) -> tuple[int, Curve]:
    """An estimated step whose bytes are near the target, within the share `enough`, and all estimates.

    slope: expected log2 bytes per step.
    """
    curve, step = Curve(), start
    if slope is not None:
        curve.usual = slope
    for _ in range(rounds):
        size = estimate(step)
        curve.add(step, size)
        if 1 - enough < size / target < 1 + enough:
            break
        following = curve.solve(target)
        if following in curve.points:
            break
        step = following
    goal = math.log2(target)
    return min(curve.points, key=lambda s: abs(curve.points[s] - goal)), curve


class Search:
    """The last steps, on real encodings: bracket and interpolate in (step, log bytes), then price.

    size: bytes not to be exceeded. slope: expected log2 bytes per step. step, price: what to try next; a larger price
    (worth of a bit in the rounding) saves a few percent of the bytes between two neighbouring steps.
    """

    def __init__(self, size: int, slope: float, step: int) -> None:
        self.size, self.slope, self.step, self.price = size, slope, _within(step), 1.0
        self._over: tuple[int, float] | None = None
        self._under: tuple[int, float] | None = None
        self._before: list[tuple[int, float] | None] = [None, None]  # over, under; of earlier parameters
        self._prices = (1.0, 2.0)
        self._refits = 0

    def forget(self) -> None:
        """Drop what was seen: the parameters change. It only tells how far the next step may be off."""
        self._before = [self._over or self._before[0], self._under or self._before[1]]
        self._over = self._under = None

    def far(self, fitted: int) -> bool:
        """Whether parameters fitted at that step should be fitted again at the next one.

        Only a few times, and no longer once the size is bracketed: bytes jump between one fit and another.
        """
        if abs(self.step - fitted) <= REFIT or (self._over and self._under) or self._refits >= MAX_REFITS:
            return False
        self._refits += 1
        return True

    def within(self, grown: int) -> bool:
        """Whether so many bytes will do."""
        return TOLERANCE * self.size <= grown <= self.size

    def add(self, grown: int) -> bool:
        """Take the bytes of what was tried last. True if it fits, or if there is nothing left to try."""
        if self.within(grown):
            return True
        if self.price > 1.0:
            least, most = self._prices
            self._prices = (self.price, most) if grown > self.size else (least, self.price)
            self.price = sum(self._prices) / 2
            return False
        size, goal = math.log2(grown), math.log2(self.size * AIM)
        last = self._over if grown > self.size else self._under
        if last and last[0] != self.step:
            self.slope = min(max((size - last[1]) / (self.step - last[0]), STEEPEST), FLATTEST / 4)
        if grown > self.size:
            self._over = self.step, size
        else:
            self._under = self.step, size
        if self._over and self._under:
            low, high = self._over, self._under
            if high[0] - low[0] <= 1:
                self.step, self.price = low[0], 1.1
                return False
            share = (low[1] - goal) / max(low[1] - high[1], 1e-9)
            self.step = min(max(round(low[0] + share * (high[0] - low[0])), low[0] + 1), high[0] - 1)
            return False
        before = self.step
        way = (goal - size) / self.slope
        beyond = self._before[int(grown > self.size)]  # where it was on the other side, under earlier parameters
        if beyond and (beyond[0] - before) * way > 0:
            way = (goal - size) / (beyond[1] - size) * (beyond[0] - before)
        self.step = _within(self.step + math.copysign(min(max(abs(way), 1.0), REACH), way))
        return self.step == before


@dataclass(frozen=True)
class Plan:
    """Tiles to be coded again, and the factor of a bit's worth in them."""

    tiles: list[int]
    price: float


class Trim:
    """Some bytes more or less, from as few of the tiles as can give them.

    sizes: bytes of each tile; sites: of a tile. The logarithm of a tile's bytes changes in proportion to that of a
    bit's worth: by much where bits are few, since many symbols could as well be zero, by next to nothing at three a
    site.
    """

    def __init__(self, sizes: list[int], sites: float) -> None:
        self._sizes, self._per_bit = sizes, 8 / sites
        self._factor = 1.0
        self._fresh = set(range(len(sizes)))

    def _change(self, n: int, price: float) -> float:
        """Bytes by which tile n is expected to change."""
        elasticity = -0.75 * self._factor * math.exp(-1.1 * self._per_bit * self._sizes[n])
        return self._sizes[n] * (price**elasticity - 1)

    def plan(self, excess: float) -> Plan | None:
        """How to lose so many bytes, or to gain them where it is negative; None where that would cost quality."""
        most = THRIFTIEST if excess > 0 else 1 / THRIFTIEST
        room, tiles = 0.0, []
        for n in sorted(self._fresh, key=lambda n: -abs(self._change(n, most))):
            tiles.append(n)
            room += abs(self._change(n, most))
            if room >= abs(excess):
                return Plan(sorted(tiles), most ** (abs(excess) / room))
            if len(tiles) > MOST_TRIMMED * len(self._sizes):
                break
        return None

    def learn(self, plan: Plan, sizes: list[int]) -> None:
        """Take the bytes of all tiles after a plan."""
        wanted = sum(self._change(n, plan.price) for n in plan.tiles)
        found = sum(sizes[n] - self._sizes[n] for n in plan.tiles)
        if wanted:
            self._factor *= min(max(found / wanted, 0.25), 4.0)
        self._sizes = sizes
        self._fresh -= set(plan.tiles)
