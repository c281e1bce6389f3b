"""Parts of a picture that were exposed apart: found, and by how much, from what happens at their borders.

::

    log2 light --regions grown along weak edges--> borders: the step across each, beyond what is beside it
    each border --logistic regression: alike along it, alike in red, green and blue, ...--> P(exposed apart by the step),
                                                                                            P(not at all)
    all borders --least squares, by those--> EV of each region

Light goes on across a line that somebody drew: what is left is the same factor all along the border and
in every colour. Edges of things differ in colour and from place to place. The two regressions (91 weights each) know how
much to believe; `codec.training.apart` fits them to pictures exposed apart and to pictures left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from .apart_kernels import grown

WEIGHTS = Path(__file__).with_name("nets") / "apart.safetensors"
SCALE, LEAST = 3.0, 60
"""Of the regions, in EV; pixels."""

DARK, BRIGHT = 2.0**-9, 8.0
MOST = 4.0
"""EV, either way, of a step."""

WIDE, NEAR = 0.1, 0.15
"""EV: of the density by which a border's step is found, and of what agrees with it."""

STAY = 0.01
"""Weight of every region's staying as it is, share of all borders' weights."""

FEATURES = 12


@dataclass(frozen=True)
class Borders:
    """first, second: regions that touch, int (n,); step: EV from first to second, (n,); told: what says how far to
    believe it, (n, FEATURES); length: pixels, (n,); size: share of the picture of each region, (regions,)."""

    first: np.ndarray
    second: np.ndarray
    step: np.ndarray
    told: np.ndarray
    length: np.ndarray
    size: np.ndarray


def exposed_apart(light: np.ndarray, parts: np.ndarray | None = None) -> np.ndarray:
    """EV by which each place was exposed more than the rest, float64 (h, w), 0 in the mean; of linear light (h, w, 3).

    parts: regions, int (h, w), where they are known.
    """
    if parts is None:
        parts = regions(light)
    found = borders(light, parts)
    by_region = solved(found, *believed(found.told))
    by_region -= (by_region * found.size).sum()
    return np.asarray(by_region[parts])


def regions(light: np.ndarray) -> np.ndarray:
    """Number of each place's region, int (h, w), from 0 on."""
    log = _log(light)
    h, w = log.shape[:2]
    number = np.arange(h * w).reshape(h, w)
    ends = [(number[:-1], number[1:], log[1:] - log[:-1]), (number[:, :-1], number[:, 1:], log[:, 1:] - log[:, :-1])]
    first, second = (np.concatenate([e[k].ravel() for e in ends]) for k in (0, 1))
    weight = np.concatenate([np.median(np.abs(e[2]), -1).ravel() for e in ends]).astype(np.float64)
    order = np.argsort(weight, kind="stable")
    found = grown(first[order], second[order], weight[order], h * w, SCALE, LEAST)
    return np.unique(found, return_inverse=True)[1].reshape(h, w)


def borders(light: np.ndarray, parts: np.ndarray) -> Borders:
    """Every border between two regions."""
    log, count = _log(light), int(parts.max()) + 1
    a, b, steps, rough = (np.concatenate(v) for v in zip(*(_across(log, parts, k) for k in (0, 1)), strict=True))
    key = a * count + b
    order = np.argsort(key, kind="stable")
    steps, rough = steps[order], rough[order]
    which, start = np.unique(key[order], return_index=True)
    end = np.append(start[1:], len(key))[: len(start)]
    pixels = np.bincount(parts.ravel(), minlength=count)
    size = np.maximum(pixels, 1)
    mean = np.stack([np.bincount(parts.ravel(), log[..., k].ravel(), count) for k in range(3)], 1) / size[:, None]
    first, second = which // count, which % count
    rows, found = [], []
    for k, (i, j) in enumerate(zip(start, end, strict=True)):
        between = mean[second[k]] - mean[first[k]]
        step, row = _told(steps[i:j], float(np.median(rough[i:j])), between)
        found.append(step)
        rows.append([*row, float(np.log(min(size[first[k]], size[second[k]])))])
    return Borders(first, second, np.array(found), np.array(rows).reshape(-1, FEATURES), end - start,
                   pixels / pixels.sum())  # fmt: skip


def _across(log: np.ndarray, parts: np.ndarray, axis: int) -> tuple[np.ndarray, ...]:
    """Of each pair of pixels across a border along an axis: lower and higher region, step between them beyond the mean
    of the differences beside it, (n, 3), and how large those are."""
    v, p = np.moveaxis(log, axis, 0), np.moveaxis(parts, axis, 0)
    d = v[1:] - v[:-1]
    beside, count, rough = np.zeros_like(d), np.zeros(d.shape[:2]), np.zeros(d.shape[:2])
    inside = p[1:] == p[:-1]
    for into, of in ((np.s_[1:], np.s_[:-1]), (np.s_[:-1], np.s_[1:])):
        beside[into] += np.where(inside[of][..., None], d[of], 0)
        rough[into] += np.where(inside[of], np.abs(d[of]).max(-1), 0)
        count[into] += inside[of]
    there = np.maximum(count, 1)
    step = (d - beside / there[..., None]) * np.where(p[:-1] < p[1:], 1, -1)[..., None]
    at = ~inside
    low, high = np.minimum(p[:-1], p[1:]), np.maximum(p[:-1], p[1:])
    return low[at], high[at], step[at], (rough / there)[at]


def _told(steps: np.ndarray, rough: float, between: np.ndarray) -> tuple[float, list[float]]:
    """The step at which most of a border's agree, and what says how far to believe it."""
    middle, flat = np.median(steps, 1), steps.ravel()
    places = np.linspace(-MOST, MOST, 321)
    density = np.exp(-0.5 * ((places[:, None] - flat[:: max(1, len(flat) // 400)]) / WIDE) ** 2).sum(1)
    step = float(places[density.argmax()])
    away, apart = np.abs(flat - step), float(np.median(between))
    return step, [
        min(abs(step), 3.0), float((away < NEAR).mean()), float((np.abs(flat) < NEAR).mean()),
        float((away < 0.4).mean()), float(np.log(len(steps))),
        min(float(np.median(np.abs(steps - middle[:, None]).max(1))), 1.0), min(rough, 1.5), min(abs(apart), 3.0),
        min(float(np.abs(between - apart).max()), 2.0), float(np.clip(apart - step, -3, 3)) * (1 if step >= 0 else -1),
        min(abs(step - float(np.median(middle))), 2.0),
    ]  # fmt: skip


def expanded(told: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """What is told of borders, (n, FEATURES), with squares, products and 1, (n, 91)."""
    z = ((told - weights["mean"]) / weights["spread"]).clip(-3, 3)
    first, second = np.triu_indices(FEATURES)
    return np.concatenate([np.ones((len(z), 1)), z, z[:, first] * z[:, second]], 1)


def believed(told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chance that regions were exposed apart by the step, and that they were not exposed apart, (n,) each."""
    weights = _shipped()
    one, none = (1 / (1 + np.exp(-(expanded(told, weights) @ weights[name]).clip(-30, 30))) for name in ("by", "none"))
    return one, none


def solved(found: Borders, by: np.ndarray, none: np.ndarray) -> np.ndarray:
    """EV of each region, float64 (regions,): least squares over borders, as believed."""
    one, zero = (found.length * p / (1.02 - p) for p in (by, none))
    first, second, both = found.first, found.second, one + zero
    normal = np.diag(STAY * found.size * both.sum() + 1e-9)
    right = np.zeros(len(found.size))
    for at, sign in (((first, first), 1), ((second, second), 1), ((first, second), -1), ((second, first), -1)):
        np.add.at(normal, at, sign * both)
    np.add.at(right, second, one * found.step)
    np.add.at(right, first, -one * found.step)
    return np.linalg.solve(normal, right)


def _log(light: np.ndarray) -> np.ndarray:
    return np.log2(np.clip(light, DARK, BRIGHT)).astype(np.float64)


@cache
def _shipped() -> dict[str, np.ndarray]:
    return {name: value.astype(np.float64) for name, value in load_file(WEIGHTS).items()}
