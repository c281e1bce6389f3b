"""Bytes against an earlier version at equal PSNR."""

import pytest

from benchmarks.against import change, curves, section

RATES = (0.1, 0.8, 3.0)


def rows(factor, commit, guide="g", rates=RATES):
    """A codec of 6 dB an octave that takes `factor` of the bytes."""
    return [
        {"file": "f", "guide": guide, "codec": "rawinlay", "setting": f"bpp={rate:g}", "bpp": rate,
         "psnr": 40 + 6 * _octaves(rate / factor), "commit": commit}
        for rate in rates
    ]  # fmt: skip


def _octaves(rate):
    import math

    return math.log2(rate / 0.1)


def test_a_fifth_fewer_bytes():
    new, old = curves(rows(0.8, "new")), curves(rows(1.0, "old"))
    assert change(new["f", "g"], old["f", "g"], 0.1, 0.8).value == pytest.approx(-0.2, abs=1e-3)


def test_only_rates_that_both_have_are_compared():
    """An earlier point that is off does not count where the newer version has none."""
    old = rows(1.0, "0123456789abcdef", rates=(*RATES, 0.4))
    old[-1]["psnr"] += 3
    text = "\n".join(section(rows(0.8, "new"), old))
    assert "0123456789ab" in text and "| f | -20.0 / -20.0 |" in text and "| **mean** | -20.0 / -20.0 |" in text


def test_nothing_shared():
    assert section(rows(0.8, "new", "a"), rows(1.0, "old", "b")) == []
