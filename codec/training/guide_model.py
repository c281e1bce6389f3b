"""The guide's net as it is trained: the arithmetic of `codec.recipe.net` with gradients.

Weights and activations are rounded in the forward pass as the runtime has them and are not in the backward pass (the
straight-through estimator of Bengio et al. 2013). In float32 the forward pass equals the runtime number for number;
under bfloat16 autocast it is off by roundings of the sums.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ..recipe.net import BLUR, INPUTS, LAYERS, LOW_LAYERS, TOP, WEIGHT_LIMIT, Layer

GAINS = {"low1": 0.3, "first": 0.3, "join": 0.5, "last": 2.8}
"""Spread of the first weights beside He's (2015): ten bits come in, eight go on; the last layer's unit is small."""

MIDDLE = 40.0
"""First bias: activations begin within 0..TOP."""


def whole(v: torch.Tensor) -> torch.Tensor:
    """Floor, with the gradient of the identity."""
    return v + (v.detach().floor() - v.detach())


class WholeConv(nn.Module):
    """A convolution of whole-numbered weights. `weight` is in units of the output per unit of the input."""

    def __init__(self, layer: Layer, gain: float) -> None:
        super().__init__()
        self.layer, self.scale = layer, float(1 << layer.shift)
        spread = gain * (2.0 / (layer.inputs * layer.side**2)) ** 0.5
        self.weight = nn.Parameter(torch.randn(layer.outputs, layer.inputs, layer.side, layer.side) * spread)
        self.bias = nn.Parameter(torch.full((layer.outputs,), MIDDLE if layer.bounded else 0.0))

    def whole_weight(self) -> torch.Tensor:
        """Weights in steps of the shift, rounded and held within int8."""
        w = (self.weight * self.scale).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT)
        return w + (w.detach().round() - w.detach())

    def whole_bias(self) -> torch.Tensor:
        """Bias in steps of the shift, rounded."""
        b = self.bias * self.scale
        return b + (b.detach().round() - b.detach())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, inputs, h, w) -> the sums over 2^shift, not yet rounded; the edge shrinks by the kernel's reach."""
        total = F.conv2d(x, self.whole_weight(), dilation=self.layer.dilation)
        return (total + self.whole_bias()[:, None, None]) * (1.0 / self.scale)


def clipped(v: torch.Tensor) -> torch.Tensor:
    """Activation: whole numbers 0..TOP."""
    return whole(v.clamp(0, TOP))


class GuideModel(nn.Module):
    """The trained form of `codec.recipe.net.GuideNet`."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({n: WholeConv(layer, GAINS.get(n, 1.0)) for n, layer in LAYERS.items()})

    def surroundings(self, pooled: torch.Tensor) -> torch.Tensor:
        """(B, INPUTS, H, W) inputs averaged over `BLUR` x `BLUR` cells -> (B, low, H, W) 0..TOP."""
        a = pooled
        for name in LOW_LAYERS:
            d = LAYERS[name].dilation
            a = clipped(self.layers[name](F.pad(a, (d, d, d, d), mode="replicate")))
        return a

    def forward(self, x: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
        """x: (B, INPUTS, h + 6, w + 6); low: (B, low, h / BLUR + 2, w / BLUR + 2), one block around.

        Returns the features (B, features, h, w).
        """
        assert x.shape[1] == INPUTS
        with torch.autocast(x.device.type, enabled=False):  # ten bits: too many for bfloat16
            a1 = clipped(self.layers["first"](x.float()))
        low = F.interpolate(low.float(), scale_factor=BLUR, mode="bilinear", align_corners=False)
        low = whole(low[..., BLUR - 1 : 1 - BLUR, BLUR - 1 : 1 - BLUR])
        a2 = clipped(self.layers["second"](a1) + self.layers["join"](low))
        a3 = clipped(self.layers["third"](a2))
        both = torch.cat([a2[..., 1:-1, 1:-1], a3], 1)
        with torch.autocast(x.device.type, enabled=False):
            return whole(self.layers["last"](both.float()))
