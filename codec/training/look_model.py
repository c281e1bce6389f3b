"""The net of the looks with gradients: `codec.looks.net` in torch, and slicing at points."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..looks.base import PARTS
from ..looks.net import FACTS, HEADS, LEAK, NAMES, SHAPE, SIDE

CHANNELS = 24, 48, 64
VECTOR = 16
TOLD = VECTOR + 3 + PARTS
STEEPEST = 8.0


class LookModel(nn.Module):
    """small (b, 3, SIDE, SIDE), facts (b, 3), statistics (b, PARTS), number of the look (b,) -> cells (b, 12, d, n, m).

    Maps that do nothing, until it is trained. What is known in closed form comes before them.
    """

    def __init__(self, closed: dict[str, Tensor]) -> None:
        """closed: the weights of `codec.looks.base`, kept beside the net's own."""
        super().__init__()
        looks, last = len(NAMES), CHANNELS[-1]
        self.closed = {name: value.detach() for name, value in closed.items()}
        self.gate: Tensor
        self.register_buffer("gate", torch.ones(looks))
        self.table = nn.Parameter(torch.randn(looks, VECTOR) * 0.5)
        before = 5
        for i, channels in enumerate(CHANNELS):
            setattr(self, f"down{i}", nn.Conv2d(before, channels, 3, 2, 1))
            setattr(self, f"told{i}", nn.Linear(TOLD, 2 * channels))
            before = channels
        self.qkv = nn.Linear(last, 3 * last, bias=False)
        self.heat = nn.Parameter(torch.ones(HEADS))
        self.out = nn.Linear(last, last, bias=False)
        self.in1, self.in2 = nn.Linear(last, 2 * last), nn.Linear(2 * last, last)
        self.pooled = nn.Linear(2 * last, last)
        self.last = nn.Conv2d(last, last, 3, 1, 1)
        self.told3 = nn.Linear(TOLD, 2 * last)
        self.head = nn.Conv2d(last, SHAPE[2] * 12, 1)
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)
        place = torch.linspace(-1, 1, SIDE)
        self.places: Tensor
        self.register_buffer("places", torch.stack(torch.meshgrid(place, place, indexing="ij"))[None], persistent=False)
        middle = torch.tensor(FACTS.mean(1), dtype=torch.float32)
        self.same: Tensor
        self.register_buffer("same", torch.eye(3, 4).reshape(12, 1, 1, 1), persistent=False)
        self.middle: Tensor
        self.register_buffer("middle", middle, persistent=False)

    def forward(self, small: Tensor, facts: Tensor, stats: Tensor, look: Tensor) -> Tensor:
        b = small.shape[0]
        told = torch.cat([self.table[look], (facts - self.middle) / 2, stats], 1)
        x = torch.cat([small * 2 - 1, self.places.expand(b, -1, -1, -1)], 1)
        for i in range(3):
            x = _leaky(self._told(getattr(self, f"down{i}")(x), told, i))
        _, c, h, w = x.shape
        x = self._attention(x.flatten(2)).reshape(b, c, h, w)
        x = _even(x + self.pooled(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))[:, :, None, None])
        x = _leaky(self._told(self.last(x), told, 3))
        n, m, d = SHAPE
        maps = self.head(x).reshape(b, d, 12, n, m).transpose(1, 2)
        return (maps * self.gate[look][:, None, None, None, None] + self.same).clamp(-STEEPEST, STEEPEST)

    def _told(self, x: Tensor, told: Tensor, i: int) -> Tensor:
        scale, offset = getattr(self, f"told{i}")(told)[:, :, None, None].chunk(2, 1)
        return x * (1 + scale) + offset

    def _attention(self, x: Tensor) -> Tensor:
        b, c, tokens = x.shape
        q, k, v = self.qkv(_even(x).transpose(1, 2)).transpose(1, 2).chunk(3, 1)
        q, k, v = (part.reshape(b, HEADS, c // HEADS, tokens) for part in (q, k, v))
        q, k = functional.normalize(q, dim=-1, eps=1e-6), functional.normalize(k, dim=-1, eps=1e-6)
        share = ((q @ k.transpose(-1, -2)) * self.heat[:, None, None]).softmax(-1)
        x = x + self.out((share @ v).reshape(b, c, tokens).transpose(1, 2)).transpose(1, 2)
        inner = _leaky(self.in1(_even(x).transpose(1, 2)))
        return x + self.in2(inner).transpose(1, 2)


def _leaky(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, LEAK)


def _even(x: Tensor) -> Tensor:
    return (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, keepdim=True, unbiased=False) + 1e-5)


def sliced(cells: Tensor, places: Tensor, base: Tensor) -> Tensor:
    """Display of points through grids. cells: (b, 12, d, n, m); places: (b, p, 2), y and x, 0..1 over the picture;
    base: (b, p, 3)."""
    d = cells.shape[2]
    grey = (base @ base.new_tensor([0.2126, 0.7152, 0.0722])).clamp(0, 1)
    z = (2 * grey * (d - 1) + 1) / d - 1
    at = torch.stack([2 * places[..., 1] - 1, 2 * places[..., 0] - 1, z], -1)[:, None, None]
    maps = functional.grid_sample(cells, at, padding_mode="border", align_corners=False)[:, :, 0, 0]
    maps = maps.transpose(1, 2).unflatten(-1, (3, 4))
    return (maps[..., :3] @ base[..., None])[..., 0] + maps[..., 3]
