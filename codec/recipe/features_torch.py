"""Features of the guide as tensors: what `codec.recipe.features` lists, on a GPU and in training."""

from __future__ import annotations

import numpy as np
import torch

from .features import BITS, COUNT, HATS, NEAR, ONE, TABLES

LINEAR, FOURTH, TWELFTH = (torch.from_numpy(table.astype(np.int32)) for table in TABLES)


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
