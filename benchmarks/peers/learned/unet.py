"""The U-Net of content-aware metadata (Nam et al. 2022): four poolings, two 3x3 convolutions a level."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import Precise

LEVELS = 4


def _pair(inputs: int, outputs: int) -> nn.Module:
    layers: list[nn.Module] = []
    for n in (inputs, outputs):
        layers += [
            nn.Conv2d(n, outputs, 3, padding=1, bias=False, padding_mode="replicate"),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """(B, inputs, h, w) -> (B, outputs, h, w), sides multiples of 16. width: channels at the top, doubled a level."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        sizes = [width << k for k in range(LEVELS + 1)]
        self.down = nn.ModuleList(_pair(a, b) for a, b in zip([inputs, *sizes[:-1]], sizes, strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * n, n, 2, 2) for n in sizes[-2::-1])
        self.merge = nn.ModuleList(_pair(2 * n, n) for n in sizes[-2::-1])
        self.last = Precise(nn.Conv2d(width, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for k, layer in enumerate(self.down):
            x = layer(x if k == 0 else F.max_pool2d(x, 2))
            kept.append(x)
        for up, merge, beside in zip(self.up, self.merge, kept[-2::-1], strict=True):
            x = merge(torch.cat([up(x), beside], 1))
        return self.last(x)
