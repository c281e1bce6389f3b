"""Bjontegaard's measures on curves whose answers are known."""

import math

import numpy as np
import pytest
from rawinlay.eval.bdrate import Curve, best_quality, common_quality, gain, saving

RATES = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)


def line(offset=0.0, slope=4.0, rates=RATES, factor=1.0):
    """PSNR = 40 + offset + slope log2(rate), at rates multiplied by `factor`."""
    return Curve([(factor * r, 40 + offset + slope * math.log2(r)) for r in rates])


def test_a_constant_offset_is_the_gain():
    result = gain(line(2.5), [line()], 0.1, 0.8)
    assert result.value == pytest.approx(2.5) and result.coverage == 1


def test_a_growing_gap_is_averaged_over_log_rate():
    """The gap 1 dB per octave, 0 at 1 bpp, is the middle octave's over the range."""
    assert gain(line(slope=5), [line()], 0.2, 0.8).value == pytest.approx(math.log2(0.4))


def test_half_the_bytes():
    result = saving(line(factor=0.5), [line()], 32, 40)
    assert result.value == pytest.approx(-0.5) and result.coverage == 1


def test_the_better_peer_counts_at_each_rate():
    """Two peers that cross at 0.4, 1 dB per octave apart."""
    steep, even = line(-math.log2(0.4), 5), line()
    rates = np.array([0.2, 0.4, 0.8])
    assert best_quality([steep, even], rates) == pytest.approx(even.quality_at(rates) + np.array([0, 0, 1]))
    assert gain(line(), [steep, even], 0.4, 0.8).value == pytest.approx(-0.5, abs=1e-3)


def test_a_peer_that_reaches_only_half_the_range():
    result = gain(line(1), [line(rates=(0.4, 0.8, 1.6))], 0.1, 1.6)
    assert result.value == pytest.approx(1)
    assert result.coverage == pytest.approx(0.5, abs=0.03)  # and the tolerance below 0.4


def test_an_end_a_little_short_still_counts():
    """Targets are met from below, by up to 3 %; more is not made up."""
    assert gain(line(factor=0.97), [line()], 0.1, 3.0).coverage == 1
    short = gain(line(rates=(0.1, 0.2, 0.4, 0.8, 1.5, 2.5)), [line()], 0.1, 3.0)
    assert short.coverage < 1 and short.value == pytest.approx(0)


def test_nothing_in_common():
    result = gain(line(rates=(0.01, 0.02)), [line()], 0.8, 3.0)
    assert math.isnan(result.value) and result.coverage == 0
    assert common_quality(line(100), [line()]) is None
    assert common_quality(line(2), [line()]) == pytest.approx((40 + 2 + 4 * math.log2(0.1), 40 + 4 * math.log2(3)))


def test_points_that_nobody_would_use():
    """A point that costs more and is worse bends no rate; one without error or measured twice is no harm."""
    points = [(r, 40 + 4 * math.log2(r)) for r in RATES]
    odd = Curve([*points, (1.0, 20.0), (5.0, math.inf), (0.2, 1.0)])
    assert len(odd.rate) == len(RATES) + 1
    assert saving(odd, [line()], 32, 40).value == pytest.approx(0, abs=1e-9)


def test_a_curve_needs_two_points():
    with pytest.raises(ValueError, match="there are 1"):
        Curve([(0.1, 30.0), (0.1, 31.0), (0.2, math.inf)])
    with pytest.raises(ValueError, match="empty"):
        gain(line(), [line()], 0.8, 0.8)


def test_against_the_bjontegaard_package():
    """On curved lines that share their ends the package, with the same interpolation, says the same."""
    package = pytest.importorskip("bjontegaard")
    rates = np.array(RATES)
    a, b = 30 + 14 * rates**0.4, 28 + 13 * rates**0.5
    ours = gain(Curve(zip(rates, a, strict=True)), [Curve(zip(rates, b, strict=True))], rates[0], rates[-1])
    theirs = package.bd_psnr(rates, b, rates, a, method="pchip", min_overlap=0)
    assert ours.value == pytest.approx(theirs, abs=2e-3)
