"""Features of the guide: their names, whole numbers, and the bound that keeps the recipe's sums exact."""

import numpy as np
import pytest
import torch
from rawinlay.codec.recipe.features import BITS, COUNT, ONE, names
from rawinlay.codec.recipe.features_torch import FOURTH, LINEAR, TWELFTH, features, radius_squared

BOUND = 1 << 15
MOST = 255 << 4


def guides():
    """Random, flat at every extreme, and checkerboards of extremes; (y, cb, cr) with a halo of one."""
    rng = np.random.default_rng(0)
    shape = (10, 13)
    yield "random", rng.integers(0, MOST + 1, (4, *shape)), rng.integers(-2048, MOST - 2047, (2, *shape))
    for y in (0, MOST):
        for cb in (-2048, MOST - 2048):
            for cr in (-2048, MOST - 2048):
                yield f"flat {y} {cb} {cr}", np.full((4, *shape), y), np.stack([np.full(shape, cb), np.full(shape, cr)])
    board = np.indices(shape).sum(0) % 2
    yield "board", np.stack([board * MOST] * 4), np.stack([board * MOST - 2048, (1 - board) * MOST - 2048])
    yield "edges in a cell", np.stack([np.full(shape, v) for v in (0, MOST, 0, MOST)]), np.zeros((2, *shape), int)


GUIDES = {name: (y, c) for name, y, c in guides()}


def tensors(name):
    y, chroma = GUIDES[name]
    to = lambda v: torch.from_numpy(v.astype(np.int32))  # noqa: E731
    return to(y), to(chroma[0]), to(chroma[1])


@pytest.mark.parametrize("name", GUIDES)
def test_whole_numbers_within_the_bound(name):
    y, cb, cr = tensors(name)
    h, w = y.shape[1] - 2, y.shape[2] - 2
    for radius in (torch.zeros(h, w, dtype=torch.int32), torch.full((h, w), ONE, dtype=torch.int32)):
        phi = features(y, cb, cr, radius)
        assert phi.shape == (COUNT, h * w) and phi.dtype == torch.float64
        assert torch.equal(phi, phi.floor())
        assert phi.abs().max() < BOUND


def test_each_feature_is_what_its_name_says():
    """Against plain Python on single cells."""
    y, cb, cr = tensors("random")
    h, w = y.shape[1] - 2, y.shape[2] - 2
    radius = radius_squared((0, h), (0, w), h, w)
    phi = features(y, cb, cr, radius).reshape(COUNT, h, w)
    for i, j in ((0, 0), (3, 5), (h - 1, w - 1)):
        assert phi[:, i, j].tolist() == [by_name(n, y, cb, cr, int(radius[i, j]), i + 1, j + 1) for n in names()]


def by_name(name, y, cb, cr, radius, i, j):
    linear = lambda s, i, j: int(LINEAR[int(y[s, i, j])])  # noqa: E731
    mean = lambda i, j: (sum(int(y[s, i, j]) for s in range(4)) + 2) >> 2  # noqa: E731
    power = lambda s, i, j, p: int({"q": FOURTH, "p": TWELFTH}[p][int(y[s, i, j])])  # noqa: E731
    q, p = ((sum(power(s, i, j, k) for s in range(4)) + 2) >> 2 for k in "qp")
    light = (sum(linear(s, i, j) for s in range(4)) + 2) >> 2
    m, b, r = mean(i, j), int(cb[i, j]), int(cr[i, j])
    if "[" in name:
        kind, _, where = name[:-1].partition("[")
        di, dj = map(int, where.split(","))
        if kind.startswith("lin"):
            return linear(int(kind[3]), i + di, j + dj)
        if kind[0] in "qp":
            return power(int(kind[1]), i + di, j + dj, kind[0])
        return int({"cbm": cb, "crm": cr}[kind][i + di, j + dj]) * mean(i + di, j + dj) >> BITS
    if name.startswith("hat"):
        return max(0, ONE - abs(11 * m - int(name[3:]) * ONE))
    if name.startswith("lin"):
        return linear(int(name[3]), i, j) ** 2 >> 14
    if name[0] == "y":
        return int(y[int(name[1]), i, j])
    if len(name) == 4 and name.endswith("^2"):
        return power(int(name[1]), i, j, "p") ** 2 >> 14
    m2, b2, r2, l2 = m * m >> 12, b * b >> 12, r * r >> 12, light * light >> 14
    m3, br = m2 * m >> 12, b * r >> 12
    return {
        "1": ONE, "m": m, "m2": m2, "m3": m3, "m4": m3 * m >> 12, "l2": l2, "l3": l2 * light >> 14,
        "cb": b, "cr": r, "cb2": b2, "cr2": r2, "cbcr": br, "m2cb": m2 * b >> 12, "m2cr": m2 * r >> 12,
        "mcb2": m * b2 >> 12, "mcr2": m * r2 >> 12, "mcbcr": m * br >> 12,
        "mcb3": (m * b >> 12) * b2 >> 12, "mcr3": (m * r >> 12) * r2 >> 12,
        "lcb": light * b >> 12, "lcr": light * r >> 12,
        "qcb": q * b >> 12, "qcr": q * r >> 12, "pcb": p * b >> 12, "pcr": p * r >> 12,
        "p2": p * p >> 14, "p3": (p * p >> 14) * p >> 14,
        "lr2": light * radius >> 12, "lr4": (light * radius >> 12) * radius >> 12,
    }[name]  # fmt: skip


def test_names():
    assert len(names()) == len(set(names())) == COUNT == 178


def test_linear_table():
    """Near IEC 61966-2-1, monotone, 14 bits at the guide's white, and below the bound beyond it."""
    table = LINEAR.double().numpy() / 16384
    v = np.arange(ONE) / MOST
    exact = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    assert (np.diff(table) >= 0).all() and table[MOST] == 1 and LINEAR.max() < BOUND
    assert np.abs(table - exact).max() < 0.002
    assert int(LINEAR.sum()) == 20957647  # the same integers on every machine
    for power, n in ((FOURTH, 4), (TWELFTH, 12)):
        assert np.abs(power.double().numpy() / 16384 - v**n).max() < 1e-4 and power.max() < BOUND
    assert (int(FOURTH.sum()), int(TWELFTH.sum())) == (13625201, 5401826)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (7, 9), (3, 4000)])
def test_radius(size):
    """1 in the corners, never more, one cell beyond the picture included: the bound of the features rests on it."""
    h, w = size
    r = radius_squared((0, h + 1), (0, w + 1), h, w)
    assert r.shape == (h + 1, w + 1) and r.min() >= 0 and r.max() <= ONE
    if max(size) > 1:
        assert r[0, 0] == r[h - 1, 0] == r[0, w - 1] == r[h - 1, w - 1] == ONE
