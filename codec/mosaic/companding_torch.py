"""`Companding` for tensors, on whatever device they are: for a GPU and for training."""

from __future__ import annotations

import torch

from ...bitstream.runtime.forks import cached_property
from .companding import STEP_BINS, Companding


class TorchCompanding:
    """The tables of a `Companding` as tensors, and its lookups; what each means is said there."""

    def __init__(self, tables: Companding) -> None:
        self.tables = tables
        self.low, self.shift, self.span = tables.low, tables.shift, tables.span
        self.table = torch.from_numpy(tables.table)

    def saturate(self, prediction: torch.Tensor) -> torch.Tensor:
        """Prediction (..., 4, h, w) with what comes near the saturation put on it."""
        prediction = prediction.clone()
        for k, saturation in enumerate(self.tables.saturations()):
            if saturation:
                plane = prediction[..., k, :, :]
                plane[plane >= saturation[1]] = saturation[0]
        return prediction

    def at_saturation(self, prediction: torch.Tensor) -> list[torch.Tensor]:
        """Where each plane's prediction (..., 4, h, w) lies on its saturation, bool."""
        return [
            prediction[..., k, :, :] == saturation[0]
            if saturation
            else torch.zeros_like(prediction[..., k, :, :], dtype=torch.bool)
            for k, saturation in enumerate(self.tables.saturations())
        ]

    def compand(self, level: torch.Tensor) -> torch.Tensor:
        """Levels to companded values, int32; levels out of range are clipped."""
        table = self.table.to(level.device)
        return table[(level - self.low).clamp(0, len(table) - 1).long()]

    @cached_property
    def used(self) -> list[torch.Tensor]:
        """Companded value of each DN that occurs, by plane, int32 (number of values,)."""
        return [torch.from_numpy(used) for used in self.tables.used]

    @cached_property
    def nearest(self) -> tuple[int, torch.Tensor]:
        """Least companded value, and for each from there on the number of the nearest DN that occurs, int32 (4, n)."""
        first, nearest = self.tables.nearest
        return first, torch.from_numpy(nearest)

    def expand(self, u: torch.Tensor) -> torch.Tensor:
        """Companded values (..., 4, h, w) to the nearest DN that occurs, int32 0..top."""
        first, nearest = self.nearest
        nearest, dn = nearest.to(u.device), [torch.from_numpy(dn).to(u.device) for dn in self.tables.dn]
        index = (u - first).clamp(0, nearest.shape[1] - 1).long()
        return torch.stack([dn[k][nearest[k][index[..., k, :, :]].long()] for k in range(4)], -3)

    def steps(self, index: int, step_exponent: int, plane: int = 0) -> torch.Tensor:
        """Quantisation step by level, float64 of whole numbers."""
        return torch.from_numpy(self.tables.steps(index, step_exponent, plane))

    def step_bin(self, level: torch.Tensor) -> torch.Tensor:
        """Index of a level in `steps`, int64."""
        cell = (level.long() - self.low) * STEP_BINS // len(self.table)
        return cell.clamp(0, STEP_BINS - 1)
