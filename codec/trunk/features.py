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
the same numbers on every machine.
"""

from __future__ import annotations

import numpy as np
import torch

BITS = 12
"""Bits of the guide's samples here: 8 of the JPEG and 4 of a fraction (interpolated or averaged samples)."""

ONE = 1 << BITS
HATS = 12
NEAR = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]


def _srgb_table() -> torch.Tensor:
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
    return torch.from_numpy(np.floor(np.where(v <= 0.04045, v / 12.92, power) * 16384 + 0.5).astype(np.int32))


def _power_tables() -> tuple[torch.Tensor, torch.Tensor]:
    """Y^4 and Y^12, 12 bits to 14: products alone, which are exact everywhere."""
    v = np.arange(ONE, dtype=np.float64) / (255 * 16)
    v2 = v * v
    v4 = v2 * v2
    whole = [torch.from_numpy(np.floor(p * 16384 + 0.5).astype(np.int32)) for p in (v4, v4 * v4 * v4)]
    return whole[0], whole[1]


LINEAR = _srgb_table()
FOURTH, TWELFTH = _power_tables()


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


def _mul(a: torch.Tensor, b: torch.Tensor, shift: int = BITS) -> torch.Tensor:
    return (a * b) >> shift


def features(y: torch.Tensor, cb: torch.Tensor, cr: torch.Tensor, radius: torch.Tensor, halo: int = 1) -> torch.Tensor:
    """Features of every cell inside the halo.

    y: int32 (4, h + 2, w + 2), the four sites' luma, 12 bits; cb, cr: int32 (h + 2, w + 2), centred, 12 bits and sign;
    radius: int32 (h, w), squared distance from the middle, 12 bits (1 at the corners). Returns float64 (COUNT, h w)
    of whole numbers below 2^15.
    """
    h, w = y.shape[-2] - 2 * halo, y.shape[-1] - 2 * halo

    def inner(v: torch.Tensor, i: int = 0, j: int = 0) -> torch.Tensor:
        return v[..., halo + i : halo + i + h, halo + j : halo + j + w]

    index = y.clamp(0, ONE - 1).long()
    lin, fourth, twelfth = (table.to(y.device)[index] for table in (LINEAR, FOURTH, TWELFTH))
    m_all = (y.sum(0) + 2) >> 2
    cbm, crm = _mul(cb, m_all), _mul(cr, m_all)
    m, b, r = inner(m_all), inner(cb), inner(cr)
    light = (inner(lin).sum(0) + 2) >> 2
    m2, b2, r2, br = _mul(m, m), _mul(b, b), _mul(r, r), _mul(b, r)
    m3 = _mul(m2, m)
    l2 = _mul(light, light, 14)
    out = [torch.full_like(m, ONE)]
    out += [inner(lin[s], i, j) for s in range(4) for i, j in NEAR]
    out += [inner(v, i, j) for v in (cbm, crm) for i, j in NEAR]
    out += [m, m2, m3, _mul(m3, m), l2, _mul(l2, light, 14), b, r, b2, r2, br, _mul(m2, b), _mul(m2, r)]
    out += [
        _mul(m, b2),
        _mul(m, r2),
        _mul(m, br),
        _mul(_mul(m, b), b2),
        _mul(_mul(m, r), r2),
        _mul(light, b),
        _mul(light, r),
    ]
    out += [inner(y[s]) for s in range(4)] + [_mul(inner(lin[s]), inner(lin[s]), 14) for s in range(4)]
    scaled = m * (HATS - 1)
    out += [(ONE - (scaled - k * ONE).abs()).clamp(min=0) for k in range(HATS - 1)]
    lr2 = _mul(light, radius)
    out += [lr2, _mul(lr2, radius)]
    out += [inner(p[s], i, j) for p in (fourth, twelfth) for s in range(4) for i, j in NEAR]
    fourth, twelfth = inner(fourth), inner(twelfth)
    bright, brightest = ((p.sum(0) + 2) >> 2 for p in (fourth, twelfth))
    p2 = _mul(brightest, brightest, 14)
    out += [_mul(bright, b), _mul(bright, r), _mul(brightest, b), _mul(brightest, r), p2, _mul(p2, brightest, 14)]
    out += [_mul(twelfth[s], twelfth[s], 14) for s in range(4)]
    stacked = torch.empty(COUNT, h, w, dtype=torch.float64, device=y.device)
    for row, v in zip(stacked, out, strict=True):
        row.copy_(v)
    return stacked.reshape(COUNT, h * w)


def radius_squared(rows: tuple[int, int], cols: tuple[int, int], height: int, width: int) -> torch.Tensor:
    """Squared distance of cells from the picture's middle, int32 (rows, cols), `ONE` at the corners and beyond."""
    i = 2 * torch.arange(*rows, dtype=torch.int64) - (height - 1)
    j = 2 * torch.arange(*cols, dtype=torch.int64) - (width - 1)
    norm = max((height - 1) ** 2 + (width - 1) ** 2, 1)
    return ((i[:, None] ** 2 + j[None, :] ** 2) * ONE // norm).clamp(max=ONE).to(torch.int32)
