"""Building blocks of the guided nets: sequences that see the guide at every layer, and layers CompressAI lacks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .compressai_layers import AttentionBlock, ResidualBlock, ResidualBlockUpsample, ResidualBlockWithStride

RATE_SPAN = 6.0
"""Range of the rate parameter, for the plane that shows it to the nets."""


class Guide:
    """The guide's planes and one that says the rate, at any size: (B, channels, h, w)."""

    def __init__(self, planes: Tensor | None, rate: Tensor, shape: tuple[int, int]) -> None:
        """planes: None for a blind net; rate: (B,); shape: (h, w) of the planes."""
        constant = (rate / RATE_SPAN)[:, None, None, None].expand(-1, 1, *shape)
        self._full = constant if planes is None else torch.cat([planes, constant], 1)
        self._sizes: dict[tuple[int, int], Tensor] = {}

    def at(self, size: torch.Size | tuple[int, ...]) -> Tensor:
        """The planes averaged down to a size that divides theirs."""
        h, w = size
        if (h, w) not in self._sizes:
            down = self._full.shape[2] // h
            self._sizes[h, w] = F.avg_pool2d(self._full, down) if down > 1 else self._full
        return self._sizes[h, w]


class Guided(nn.Module):
    """Layers in sequence; before each but an activation the guide is put beside what goes in (R2LCM's sequence)."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, guide: Guide) -> Tensor:
        """x: (B, C, h, w)."""
        for layer in self.layers:
            if isinstance(layer, (nn.LeakyReLU, Alone)):
                x = layer(x)
            else:
                x = layer(torch.cat([guide.at(x.shape[2:]).to(x.dtype), x], 1))
        return x


class Alone(nn.Sequential):
    """Layers that the guide is kept from."""


class Precise(nn.Module):
    """A layer that runs in float32 under autocast: the last ones, whose output is the picture or a distribution."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return self.layer(x.float())


class MaskedMean(nn.Module):
    """Context from the known positions: a 5x5 convolution of them over their number, and of a known one itself.

    (R2LCM's "masked deconvolution".) Positions that are not known don't enter.
    """

    def __init__(self, inputs: int, outputs: int, side: int = 5) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, side, padding=side // 2)
        self.own = nn.Conv2d(inputs, outputs, 1)
        self.side = side

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        """x: (B, inputs, h, w), zero where not known; known: (B, 1, h, w), 0 or 1."""
        count = F.conv2d(known, known.new_ones(1, 1, self.side, self.side), padding=self.side // 2)
        return self.conv(x) / count.clamp(min=1) * (1 - known) + self.own(x) * known


class Gate(nn.Module):
    """Pixel-wise channel attention: every channel times a weight that the position's channels give."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.conv(x))


class Step(nn.Module):
    """A quantisation step per channel that depends on the rate (Cui et al. 2021), so that one net serves all rates.

    It begins at `first` and falls by a factor of `base` for every unit of the rate parameter.
    """

    def __init__(self, channels: int, first: float, base: float) -> None:
        super().__init__()
        logs = math.log(first) - math.log(base) * torch.arange(int(RATE_SPAN) + 1.0)
        self.log = nn.Parameter(logs[:, None].repeat(1, channels))

    def forward(self, rate: Tensor) -> Tensor:
        """rate: (B,) -> (B, channels, 1, 1); straight between whole rates."""
        at = rate.clamp(0, RATE_SPAN - 1e-3)
        low = at.floor().long()
        share = (at - low)[:, None]
        return torch.exp(self.log[low] * (1 - share) + self.log[low + 1] * share)[:, :, None, None]


def conv(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size but for its stride."""
    return nn.Conv2d(inputs, outputs, side, stride, side // 2)


def residual(inputs: int, outputs: int) -> nn.Module:
    """CompressAI's residual block."""
    block = ResidualBlock(inputs, outputs)
    return _carrying(block, block.skip, outputs)


def strided(inputs: int, outputs: int, stride: int) -> nn.Module:
    """CompressAI's residual block with a stride."""
    block = ResidualBlockWithStride(inputs, outputs, stride)
    return _carrying(block, block.skip, outputs)


def enlarging(inputs: int, outputs: int, factor: int) -> nn.Module:
    """CompressAI's residual block that enlarges."""
    block = ResidualBlockUpsample(inputs, outputs, factor)
    return _carrying(block, block.upsample[0], outputs)


def _carrying(block: nn.Module, way: nn.Conv2d | None, outputs: int) -> nn.Module:
    """A block whose way past its convolutions begins by carrying the last channels that come in on as they are.

    The guide before them makes that way a convolution; from random weights a chain of these would lose the signal.
    way: that convolution, with outputs * factor^2 channels, None where there is none.
    """
    if way is not None:
        each = way.out_channels // outputs
        carried = min(outputs, way.in_channels)
        with torch.no_grad():
            way.weight.mul_(0.1)
            for k in range(carried * each):
                middle = way.weight[k, way.in_channels - carried + k // each]
                middle[way.kernel_size[0] // 2, way.kernel_size[1] // 2] += 1.0
    return block


def attention(channels: int) -> nn.Module:
    """CompressAI's attention block (Cheng et al. 2020)."""
    return AttentionBlock(channels)
