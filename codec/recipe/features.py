"""Features of the guide under the recipe, in whole numbers.

::

    guide Y (4 sites), Cb, Cr of a cell, 12 bits
      |-- linearised Y: 3x3 cells x 4 sites                         36
      |-- Cb m, Cr m: 3x3 cells                                     18
      |-- powers and products of the cell's means, Y, Y^2 ...       29
      |-- hats over m: a free tone curve                            11
      |-- mean light times r^2, r^4: vignetting                      2
      |-- Y^4: 3x3 cells x 4 sites                                  36
      |-- Y^12: 3x3 cells x 4 sites                                 36
      '-- powers and products of these                              10

The tone curve of a rendering is unknown and its slope scales all detail: neighbourhoods of Y, linearised, to the 4th
and to the 12th power together follow a slope that changes from shadows to lights.

``m`` is the mean of the cell's four Y. Everything is integer arithmetic with floor shifts, so encoder and decoder see
the same numbers on every machine. Here stand their names and tables; `codec.recipe.features_kernels` computes them on
the CPU,
`codec.recipe.features_torch` on a GPU and in training.
"""

from __future__ import annotations

import numpy as np

BITS = 12
"""Bits of the guide's samples here: 8 of the JPEG and 4 of a fraction (interpolated or averaged samples)."""

ONE = 1 << BITS
HATS = 12
NEAR = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]


def _srgb_table() -> np.ndarray:
    """About the decoding of IEC 61966-2-1, 12 bits to 14: x^2.40625 from square roots, which are exact everywhere.

    ``pow`` may differ by a last bit between machines; the recipe is fitted on top, so x^2.4 itself is not needed.
    """
    v = np.arange(ONE, dtype=np.float64) / (255 * 16)
    x = (v + 0.055) / 1.055
    r2 = np.sqrt(x)
    r4 = np.sqrt(r2)
    r8 = np.sqrt(r4)
    r32 = np.sqrt(np.sqrt(r8))
    power = x * x * r4 * r8 * r32
    return np.floor(np.where(v <= 0.04045, v / 12.92, power) * 16384 + 0.5).astype(np.int16)


def _power_tables() -> tuple[np.ndarray, np.ndarray]:
    """Y^4 and Y^12, 12 bits to 14: products alone, which are exact everywhere."""
    v = np.arange(ONE, dtype=np.float64) / (255 * 16)
    v2 = v * v
    v4 = v2 * v2
    fourth, twelfth = (np.floor(p * 16384 + 0.5).astype(np.int16) for p in (v4, v4 * v4 * v4))
    return fourth, twelfth


TABLES = np.stack([_srgb_table(), *_power_tables()])
"""Y linearised, to the 4th and to the 12th power: 12 bits to 14, int16 (3, ONE)."""


def names() -> list[str]:
    """Names of the features, in their order."""
    out = ["1"]
    out += [f"lin{s}[{i},{j}]" for s in range(4) for i, j in NEAR]
    out += [f"{c}m[{i},{j}]" for c in ("cb", "cr") for i, j in NEAR]
    out += "m m2 m3 m4 l2 l3 cb cr cb2 cr2 cbcr m2cb m2cr mcb2 mcr2 mcbcr mcb3 mcr3 lcb lcr".split()
    out += [f"y{s}" for s in range(4)] + [f"lin{s}^2" for s in range(4)]
    out += [f"hat{i}" for i in range(HATS - 1)] + ["lr2", "lr4"]
    out += [f"{p}{s}[{i},{j}]" for p in ("q", "p") for s in range(4) for i, j in NEAR]
    out += [*"qcb qcr pcb pcr p2 p3".split(), *(f"p{s}^2" for s in range(4))]
    return out


COUNT = len(names())
BASIC = names().index("lr4") + 1
"""Features without the powers of Y: as many as a small picture pays for."""
