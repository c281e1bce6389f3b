"""Samples of a mosaic and where they lie, to bytes: what content-aware metadata stores.

The paper counts 16 bits a value and 6 bits a place. Here both are entropy-coded: places as rows and columns from the
middle of their superpixel, values as steps of `STEP` in the companded domain from the guide's fit of them.

=========  ================================================================================
bytes      meaning
=========  ================================================================================
1 + 1      number of the Gaussian table of rows, of columns
4 * 8      the same of values, by plane and by eighth of the fit's range
rest       rANS: places in order of the superpixels, then values of the cells they name, plane by plane
=========  ================================================================================
"""

from __future__ import annotations

import torch
from torch import Tensor

from ....bitstream.errors import StreamError
from .symbols import LEVELS, SymbolReader, SymbolWriter, scale_index

STEP = 1 / 1024
BANDS = 8
HEAD = 2 + 4 * BANDS


def _middle(grid: int, rows: int, cols: int) -> Tensor:
    i, j = torch.arange(rows) * grid + grid // 2, torch.arange(cols) * grid + grid // 2
    return torch.stack(torch.meshgrid(i, j, indexing="ij"))


def _cells(places: Tensor, w: int) -> Tensor:
    """Numbers of the cells that places (2, rows, cols) name, each once, in order."""
    return torch.unique(places[0] * w + places[1])


def _predicted(planes: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """The fit at some cells in steps, float32 (4, n) of whole numbers, and the band of each, int64."""
    fit = planes[:4].flatten(1)[:, cells]
    return torch.round(fit / STEP), (fit * BANDS).long().clamp(0, BANDS - 1)


def _table(values: Tensor) -> int:
    """Number of the Gaussian table that suits some whole numbers."""
    rms = values.float().square().mean().add(1 / 12).sqrt() if values.numel() else torch.tensor(1.0)
    return int(scale_index(rms))


def write(x: Tensor, planes: Tensor, places: Tensor, grid: int) -> bytes:
    """The samples of x, (4, h, w), at places, (2, h / grid, w / grid); planes: the fitted guide's, (7, h, w)."""
    apart = places - _middle(grid, *places.shape[1:])
    cells = _cells(places, x.shape[2])
    value = torch.round(x.flatten(1)[:, cells] / STEP)
    fit, band = _predicted(planes, cells)
    rest = value - fit
    tables = [_table(apart[0]), _table(apart[1])]
    tables += [_table(rest[k][band[k] == b]) for k in range(4) for b in range(BANDS)]
    out = SymbolWriter()
    for k in range(2):
        out.put(apart[k], torch.full_like(apart[k], tables[k]))
    by_band = torch.tensor(tables[2:]).reshape(4, BANDS)
    for k in range(4):
        out.put(rest[k], by_band[k][band[k]])
    return bytes(tables) + out.bytes()


def read(data: bytes, planes: Tensor, grid: int) -> tuple[Tensor, Tensor]:
    """The samples, (4, h, w) with 0 elsewhere, and their mask (1, h, w). `StreamError` where they make no sense."""
    h, w = planes.shape[1:]
    if len(data) < HEAD or max(data[:HEAD]) >= LEVELS:
        raise StreamError("the samples are damaged")
    tables = list(data[:HEAD])
    source, middle = SymbolReader(data[HEAD:]), _middle(grid, h // grid, w // grid)
    places = torch.stack([source.get(torch.full_like(middle[k], tables[k])) for k in range(2)]).long() + middle
    if min(places.min(), places[0].max().neg() + h - 1, places[1].max().neg() + w - 1) < 0:
        raise StreamError("a sample lies outside the picture")
    cells = _cells(places, w)
    fit, band = _predicted(planes, cells)
    by_band = torch.tensor(tables[2:]).reshape(4, BANDS)
    value = torch.stack([fit[k] + source.get(by_band[k][band[k]]) for k in range(4)]) * STEP
    samples, mask = torch.zeros(4, h * w), torch.zeros(1, h * w)
    samples[:, cells], mask[:, cells] = value, 1.0
    return samples.reshape(4, h, w), mask.reshape(1, h, w)
