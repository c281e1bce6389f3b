"""Content-aware metadata (Nam et al., CVPR 2022) rebuilt from the paper, on packed mosaics.

::

    x, guide --sampler U-Net--> shares of 9 superpixels --superpixels--> one sample in each --samples--> bytes
    guide, samples, mask --reconstructor U-Net, fitted to the samples for a few steps--> x_hat

Trained by L1 of the reconstruction, a superpixel loss, and a meta loss that makes the reconstructor easy to fit. One
pair of nets serves all rates here: the grid is 16, 8, 4 or 2 cells, which a plane says, where the paper's is fixed; and
the samples are quantised and put into the result. The nets see and give differences from the guide's fit.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from . import samples, superpixels
from .blocks import RATE_SPAN, Guide
from .net import CodingNet, in_windows, windows
from .planes import ENLARGED, GUIDE_PLANES
from .unet import UNet

GRIDS = (16, 8, 4, 2)
SLIC, SLIC_GUIDE, SLIC_PLACE = 1e-4, 0.2, 10.0
"""The paper's weights: of the superpixel loss; in it, of the guide beside the raw; of the place."""

META, META_EVERY, INNER_RATE = 0.04, 4, 1e-3
"""Weight of the meta loss, where the paper has 0.01 at every step, and rate of its one inner step (the paper: 5)."""

FIT_STEPS, FIT_RATE = 10, 1e-4
"""Steps and rate of the decoder's fit to the samples, as the paper has them."""

FIT_WINDOW = 256


def grid_of(rate: float) -> int:
    """The grid of a rate: 16 at 0, 2 at `RATE_SPAN`."""
    return GRIDS[min(round(rate / RATE_SPAN * (len(GRIDS) - 1)), len(GRIDS) - 1)]


class Cam(CodingNet):
    """Sampler and reconstructor. width: of both U-Nets (the paper's: 32)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.sampler = UNet(GUIDE_PLANES + 1 + 4, 9, width)
        self.reconstructor = UNet(GUIDE_PLANES + 1 + 5, 4, width)

    def _shares(self, x: Tensor, guide: Guide) -> Tensor:
        planes = guide.at(x.shape[2:])
        return self.sampler(torch.cat([planes, (x - planes[:, :4]) * ENLARGED], 1)).softmax(1)

    def _inputs(self, planes: Tensor, known: Tensor, mask: Tensor, grid: int) -> Tensor:
        """What the reconstructor sees; of `known` only what the mask shows."""
        rate = torch.tensor([RATE_SPAN * GRIDS.index(grid) / (len(GRIDS) - 1)]).expand(len(planes))
        around = Guide(planes, rate, (planes.shape[2], planes.shape[3])).at(planes.shape[2:])
        return torch.cat([around, (known - planes[:, :4]) * (mask * ENLARGED), mask], 1)

    def loss(self, x: Tensor, planes: Tensor | None, rate: Tensor) -> Tensor:
        """The paper's loss for one grid, that of the batch's first rate."""
        assert planes is not None
        grid = grid_of(float(rate[0]))
        h, w = x.shape[2:]
        shares = self._shares(x, Guide(planes, torch.full_like(rate, float(rate[0])), (h, w)))
        places = superpixels.choose(shares.detach(), grid)
        soft = superpixels.chosen_shares(shares, places, grid)
        mask = superpixels.mask_of(places, h, w) + soft - soft.detach()
        got = planes[:, :4] + self.reconstructor(self._inputs(planes, x, mask, grid)) / ENLARGED
        total = (got - x).abs().mean() + SLIC * self._slic(x, planes, shares, grid)
        if torch.rand(()) * META_EVERY < 1:
            total = total + META * self._meta(x, planes, grid)
        return total

    def _slic(self, x: Tensor, planes: Tensor, shares: Tensor, grid: int) -> Tensor:
        h, w = x.shape[2:]
        place = torch.stack(torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij"))
        features = torch.cat([255 * planes[:, 4:], 255 * x, place[None].expand(len(x), -1, -1, -1).float()], 1)
        e = (superpixels.smoothed(features, shares, grid) - features).square()
        guide, raw, where = e[:, :3].mean(), e[:, 3:7].mean(), e[:, 7:].mean()
        return SLIC_GUIDE * guide + (1 - SLIC_GUIDE) * raw + SLIC_PLACE**2 / grid**2 * where

    def _meta(self, x: Tensor, planes: Tensor, grid: int) -> Tensor:
        """Loss after one step of fitting to random samples, first order."""
        mask = (torch.rand_like(x[:, :1]) < 1 / grid**2).float()
        inputs = self._inputs(planes, x, mask, grid)
        e = (x - planes[:, :4]) * ENLARGED
        state = dict(self.reconstructor.named_parameters())
        buffers = {n: v.clone() for n, v in self.reconstructor.named_buffers()}
        inner = (mask * (functional_call(self.reconstructor, state | buffers, (inputs,)) - e).abs()).mean()
        slopes = torch.autograd.grad(inner, list(state.values()))
        moved = {n: p - INNER_RATE * g for (n, p), g in zip(state.items(), slopes, strict=True)}
        return (functional_call(self.reconstructor, moved | buffers, (inputs,)) - e).abs().mean() / ENLARGED

    def forward(self, x: Tensor, planes: Tensor | None, rate: Tensor) -> tuple[Tensor, Tensor]:
        """As it codes, without the fit: x_hat and the bits of the bytes themselves."""
        assert planes is not None and len(x) == 1
        data = self.compress(x, planes, float(rate))
        known, mask = samples.read(data, planes[0], grid_of(float(rate)))
        inputs = self._inputs(planes, known[None], mask[None], grid_of(float(rate)))
        got = planes[:, :4] + self.reconstructor(inputs) / ENLARGED
        return torch.where(mask[None] > 0, known[None], got), torch.tensor([8.0 * len(data) / x.numel()])

    def compress(self, x: Tensor, planes: Tensor | None, rate: float) -> bytes:
        assert planes is not None
        grid = grid_of(rate)
        shares = in_windows(lambda a, guide: self._shares(a, guide), x, planes, torch.tensor([rate]), 1, 1)
        return samples.write(x[0], planes[0], superpixels.choose(shares, grid)[0], grid)

    def decompress(self, data: bytes, planes: Tensor | None, rate: float, h: int, w: int) -> Tensor:
        assert planes is not None
        grid = grid_of(rate)
        known, mask = (v[None] for v in samples.read(data, planes[0], grid))
        inputs = self._inputs(planes, known, mask, grid)
        net = self._fitted(inputs, mask)
        got = planes[:, :4] + in_windows(lambda a, guide: net(a) / ENLARGED, inputs, None, torch.tensor([rate]), 1, 1)
        return torch.where(mask > 0, known, got)

    @torch.enable_grad()
    def _fitted(self, inputs: Tensor, mask: Tensor) -> UNet:
        """The reconstructor after some steps of Adam on the samples' errors, window by window."""
        net = copy.deepcopy(self.reconstructor).eval()
        optimiser = torch.optim.Adam(net.parameters(), lr=FIT_RATE)
        for _ in range(FIT_STEPS):
            optimiser.zero_grad()
            for r, c in windows(inputs.shape[2], inputs.shape[3], FIT_WINDOW):
                got = net(inputs[:, :, r, c])
                e = F.l1_loss(got * mask[:, :, r, c], inputs[:, -5:-1, r, c], reduction="sum")
                (e / mask.numel()).backward()
            optimiser.step()
        return net
