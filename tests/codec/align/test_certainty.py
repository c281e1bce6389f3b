"""How uncertain a fitted place is said to be, and blocks measured under the JPEG's tones."""

from __future__ import annotations

import numpy as np
import pytest
from exports import Export, Look
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.codec.align import tones
from rawinlay.codec.align.certainty import ALIKE, LOOSE, rms, spread
from rawinlay.codec.align.placement import Placement
from rawinlay.codec.align.register import Register
from rawinlay.codec.align.robust_fit import LENS, SHIFT, SIMILAR, Free, Points, fit
from rawinlay.codec.align.search import brightness, lead
from test_align import raw_of, scene

SHAPE = (400, 600)


def seen(rng: np.random.Generator, right: float, noise: float = 0.3) -> Points:
    """Points of a picture in place, in so much of its width, with errors of their own."""
    rows, cols = np.meshgrid(np.linspace(20, 380, 8), np.linspace(20, right * 580, 10), indexing="ij")
    sites = np.stack([rows.ravel(), cols.ravel()], 1)
    return Points(sites, sites + rng.normal(0, noise, sites.shape), np.ones(len(sites)))


@pytest.mark.parametrize(("free", "right"), [(SHIFT, 1.0), (SIMILAR, 1.0), (SIMILAR, 0.4), (LENS, 1.0)])
def test_spread_is_how_far_fits_lie_apart(free: Free, right: float) -> None:
    rng = np.random.default_rng(3)
    true = Placement.plain((0.0, 0.0), (1.0, 1.0), SHAPE)
    all_over = np.stack(np.meshgrid(np.linspace(0, 399, 6), np.linspace(0, 599, 6), indexing="ij"), -1).reshape(-1, 2)
    off, said = [], []
    for _ in range(12):
        points = seen(rng, right)
        found = fit(points, true, free)
        off.append(np.stack(found(all_over[:, 0], all_over[:, 1]), 1) - all_over)
        said.append(rms(spread(points, found, free, all_over)) / ALIKE)
    real = float(np.sqrt((np.stack(off) ** 2).sum(-1).mean()))
    assert real / 2 < np.mean(said) < 2 * real


def test_few_points_tell_nothing() -> None:
    sites = np.array([[10.0, 10.0], [20.0, 300.0]])
    points = Points(sites, sites, np.ones(2))
    assert (spread(points, Placement.plain((0, 0), (1, 1), SHAPE), SHIFT, sites) == LOOSE).all()


def test_points_under_the_jpegs_tones_where_highlights_are_clipped() -> None:
    """Edges of what is white in the JPEG lie elsewhere than those of what is bright in the mosaic."""
    rgb = scene(4, 256, 384)
    export = Export.of(rgb).distort(0.04)
    y = decode_planes(Look(gain=5.0).jpeg(export.render(rgb.astype(np.float32)))).y
    raw = raw_of(rgb)
    register = Register(brightness(raw), lead(raw, 1), y)
    before = register.refine(Placement.plain((0.0, 0.0), (1.0, 1.0), raw.mosaic.shape))
    assert before is not None
    placement, points = tones.retoned(register, *before)
    assert points is not before[1]

    def miss(points: Points, placement: Placement) -> float:
        return float(np.median(points.misses(placement)[points.good]))

    assert miss(points, placement) < 0.9 * miss(before[1], before[0])


def test_a_curve_that_holds_for_a_part_only_is_left() -> None:
    rgb = scene(5, 256, 384)
    y = decode_planes(Look(local=0.9, sky=0.5).jpeg(rgb.astype(np.float32))).y
    raw = raw_of(rgb)
    register = Register(brightness(raw), lead(raw, 1), y)
    before = register.refine(Placement.plain((0.0, 0.0), (1.0, 1.0), raw.mosaic.shape))
    assert before is not None and tones.retoned(register, *before)[1] is before[1]
