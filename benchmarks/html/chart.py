"""Curves over log rate as inline SVG, which the page's style colours and its script hides series of.

matplotlib draws the picture for the repository (`benchmarks.html.plot`); these are drawn here, because a page in light
and dark with curves that can be switched off needs elements with classes, a few kilobytes for each chart.

    +-- "bit for bit" lane: a diamond at the bytes of what came back exactly --+
    |  plot: x is log2 of the bits per pixel, y the measure                    |
    +--------------------------------------------------------------------------+
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from ..curves import OURS
from .measures import Measure
from .results import Point

WIDTH, HEIGHT = 460, 330
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 26, 40
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12)
PLOT = LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM  # what curves are cut to
COLOURS, SHAPES = 12, 4  # of series; those of the same colour have another shape


@dataclass(frozen=True)
class Axes:
    """What is shown: bpp from low to high, the measure from bottom to top."""

    low: float
    high: float
    bottom: float
    top: float

    def x(self, bpp: float) -> float:
        """Horizontal place of a rate."""
        return LEFT + math.log(bpp / self.low) / math.log(self.high / self.low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Vertical place of a value."""
        return HEIGHT - BOTTOM - (value - self.bottom) / (self.top - self.bottom) * (HEIGHT - TOP - BOTTOM)


def rates(points: Sequence[Point]) -> tuple[float, float]:
    """The range of bits per pixel to show: that of our points and of what is exact, else of all, with some room."""
    ours = [p.bpp for p in points if p.codec == OURS]
    shown = [*ours, *(p.bpp for p in points if p.exact)] if ours else [p.bpp for p in points] or [1.0]
    return min(shown) / 1.5, max(shown) * 1.3


def axes(points: Sequence[Point], measure: Measure, span: tuple[float, float]) -> Axes:
    """Axes for `points` within `span` bpp; the values' range with a little room."""
    inside = [p.value(measure) for p in points if span[0] <= p.bpp <= span[1]]
    values = [v for v in inside if math.isfinite(v)] or [0.0, 1.0]
    room = 0.05 * (max(values) - min(values)) or max(abs(values[0]) * 0.05, 0.5)
    return Axes(*span, min(values) - room, max(values) + room)


def draw(series: Mapping[str, Sequence[Point]], order: Sequence[str], measure: Measure, ax: Axes, title: str) -> Markup:
    """One chart. order: all codecs of the report; a codec's place in it chooses colour, dashes and marks."""
    unit = f"{measure.title}, {measure.unit}" if measure.unit else measure.title
    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    parts += _grid(ax, unit, measure)
    for codec, points in series.items():
        number = order.index(codec)
        parts.append(f'<g class="series c{number % COLOURS}" data-series="{number}">')
        finite = [(p, ax.x(p.bpp), ax.y(p.value(measure))) for p in points if math.isfinite(p.value(measure))]
        line = " ".join(f"{x:.1f},{y:.1f}" for _, x, y in finite if -WIDTH < x < 2 * WIDTH)
        dash = ' class="blind"' if not points[0].guide else ""
        parts.append(f'<g clip-path="url(#plot)"><polyline{dash} points="{line}"/></g>')
        inside = [(p, x, y) for p, x, y in finite if LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM]
        parts += [_mark(number, x, y, _told(p, measure)) for p, x, y in inside]
        exact = [(p, ax.x(p.bpp)) for p in points if p.exact]
        parts += [_mark(3, x, TOP - 9, f"{_told(p, measure)}, bit for bit") for p, x in exact if x <= WIDTH - RIGHT]
        parts.append("</g>")
    return Markup("".join([*parts, "</svg>"]))


def _grid(ax: Axes, unit: str, measure: Measure) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    out = [f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{right - LEFT}" height="{bottom - TOP}"/>']
    for rate in TICKS:
        if ax.low <= rate <= ax.high:
            x = ax.x(rate)
            out.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}"/>')
            out.append(f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{rate:g}</text>')
    step = _step(ax.top - ax.bottom)
    digits = max(0, -math.floor(math.log10(step)))
    for k in range(math.ceil(ax.bottom / step), math.floor(ax.top / step) + 1):
        y = ax.y(k * step)
        out.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        out.append(f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{k * step:.{digits}f}</text>')
    middle = (LEFT + right) / 2
    out.append(f'<text class="axis" x="{middle}" y="{HEIGHT - 7}" text-anchor="middle">bits per mosaic pixel</text>')
    out.append(f'<text class="axis" x="{LEFT}" y="{TOP - 12}">{escape(unit)}</text>')
    return out


def _step(span: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that cuts `span` into five to ten parts or so."""
    power = 10.0 ** math.floor(math.log10(span / 5))
    return next(k * power for k in (1, 2, 5, 10) if span / (k * power) <= 8)


def _mark(number: int, x: float, y: float, told: str) -> str:
    """A mark whose shape tells the series apart without colour; the pointer shows its figures."""
    r = 3.4
    shape = (number + number // COLOURS) % SHAPES
    if shape == 0:
        drawn = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}">'
    elif shape == 1:
        drawn = f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6">'
    elif shape == 2:
        drawn = f'<path d="M{x:.1f} {y - 4:.1f}l4 7h-8z">'
    else:
        drawn = f'<path d="M{x:.1f} {y - 4.4:.1f}l4 4.4-4 4.4-4-4.4z">'
    tag = drawn[1:].split(" ", 1)[0]
    return f"{drawn}<title>{escape(told)}</title></{tag}>"


def _told(point: Point, measure: Measure) -> str:
    value = point.value(measure)
    unit = f" {measure.unit}" if math.isfinite(value) and measure.unit else ""
    return f"{point.codec} {point.setting}: {point.bpp:.3f} bpp, {measure.text(value)}{unit}"


def swatch(number: int, blind: bool) -> Markup:
    """The line and mark of one series, for the legend."""
    dash = ' class="blind"' if blind else ""
    return Markup(
        f'<svg class="swatch series c{number % COLOURS}" viewBox="0 0 34 14" aria-hidden="true">'
        f'<g><polyline{dash} points="1,7 33,7"/></g>{_mark(number, 17, 7, "")}</svg>'
    )
