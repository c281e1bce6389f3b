"""The developer's steps as differentiable modules: what training looks at decoded mosaics through.

::

    planes (B, 4, h, w) --`Demosaic`--> (B, 3, 2h, 2w) --`Denoise`--> --`Colour`--> linear sRGB
       --`Exposure`--> --`LocalTone`--> --`Tone`--> display 0..1 --`Saturation`--> --`Table3d`--> picture

Every module takes and gives float tensors (B, C, H, W) and holds no state but its numbers, so one pipeline develops
each picture of a batch in its own way: numbers have the batch in front, or broadcast. Gradients flow to the picture
and to the numbers. `codec.isp.develop` is the same for whole files; `tests/codec/isp/test_modules.py` holds both to
each other, and to other libraries' where those have the part.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import local
from .colour import LUMA
from .denoise import SPLINE

ROOM = 1e-12
"""Under roots, so that black has a gradient."""


class Demosaic(nn.Module):
    """Malvar, He and Cutler's linear interpolation (ICASSP 2004), and what it needs: balanced planes in their places.

    In: (B, 4, h, w), the sites (0, 0) (0, 1) (1, 0) (1, 1) of each cell, 0 black, 1 white of the balanced colour; out:
    camera RGB (B, 3, 2h, 2w). Linear, so its gradient is the same everywhere. cfa: "RGGB" or another order.
    """

    def __init__(self, cfa: str = "RGGB") -> None:
        super().__init__()
        green = torch.tensor([[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]])
        row = torch.tensor([[0, 0, 0.5, 0, 0], [0, -1, 0, -1, 0], [-1, 4, 5, 4, -1], [0, -1, 0, -1, 0],
                            [0, 0, 0.5, 0, 0]])  # fmt: skip
        cross = torch.tensor([[0, 0, -1.5, 0, 0], [0, 2, 0, 2, 0], [-1.5, 0, 6, 0, -1.5], [0, 2, 0, 2, 0],
                              [0, 0, -1.5, 0, 0]])  # fmt: skip
        kernels = torch.stack([green.float(), row, row.T, cross]) / 8
        self.kernels: Tensor
        self.register_buffer("kernels", kernels[:, None])
        choice = torch.empty(4, 3, dtype=torch.long)  # by site and colour: 0 itself, 1 green, 2 row, 3 column, 4 cross
        for site, own in enumerate(cfa):
            for k, wanted in enumerate("RGB"):
                if wanted == own:
                    found = 0
                elif wanted == "G":
                    found = 1
                elif own == "G":
                    found = 2 if cfa[site ^ 1] == wanted else 3
                else:
                    found = 4
                choice[site, k] = found
        self.choice = choice

    def forward(self, planes: Tensor) -> Tensor:
        mosaic = F.pixel_shuffle(planes, 2)
        filtered = F.conv2d(F.pad(mosaic, (2, 2, 2, 2), mode="reflect"), self.kernels.to(mosaic.dtype))
        every = torch.cat([mosaic, filtered], 1)
        sites = [every[:, :, site // 2 :: 2, site % 2 :: 2] for site in range(4)]
        colours = [torch.cat([sites[site][:, self.choice[site, k]][:, None] for site in range(4)], 1) for k in range(3)]
        return torch.cat([F.pixel_shuffle(colour, 2) for colour in colours], 1)


class Denoise(nn.Module):
    """Soft threshold on four levels of the undecimated B3 wavelet, as in `codec.isp.denoise`, on each channel alike.

    strength: thresholds in units of the picture's own range, (B, 1, 1, 1) or a number; 0 leaves the picture.
    """

    SHARES = (0.9, 0.25, 0.1, 0.05)

    def forward(self, picture: Tensor, strength: Tensor | float) -> Tensor:
        spline = torch.tensor(SPLINE, dtype=picture.dtype, device=picture.device)
        out, low = torch.zeros_like(picture), picture
        for level, share in enumerate(self.SHARES):
            smooth = _spread(low, spline, 2**level)
            band, limit = low - smooth, 2.0 * share * strength
            out = out + torch.sign(band) * F.relu(band.abs() - limit)
            low = smooth
        return out + low


class Colour(nn.Module):
    """Balanced camera RGB, at most white, to linear sRGB. matrix: (3, 3) or (B, 3, 3)."""

    def forward(self, rgb: Tensor, matrix: Tensor) -> Tensor:
        matrix = matrix.expand(rgb.shape[0], 3, 3)
        return torch.einsum("bij,bjhw->bihw", matrix, torch.clamp(rgb, max=1))


class Exposure(nn.Module):
    """Light times 2^ev. ev: (B, 1, 1, 1) or a number."""

    def forward(self, linear: Tensor, ev: Tensor | float) -> Tensor:
        return linear * 2.0 ** torch.as_tensor(ev, dtype=linear.dtype, device=linear.device)


class LocalTone(nn.Module):
    """Areas darker or brighter, edges kept: a bilateral grid of EV (Chen, Paris and Durand, SIGGRAPH 2007).

    grid: (B, 1, depth, n, m), EV by place and by log2 light from `local.DARKEST` to `local.BRIGHTEST`; sliced with the
    picture's own light as HDRNet does (Gharbi et al. 2017).
    """

    def forward(self, linear: Tensor, grid: Tensor) -> Tensor:
        light = _luminance(linear).clamp_min(local.FLOOR)
        depth = (torch.log2(light) - local.DARKEST) / (local.BRIGHTEST - local.DARKEST) * 2 - 1
        return linear * 2.0 ** sliced(grid, depth)


class BaseTone(nn.Module):
    """Shadows and highlights by the guided filter's base layer, as `codec.isp.local`, at full size.

    change: (n,) EV by base layer; size: odd, of the filter's box in pixels.
    """

    def forward(self, linear: Tensor, change: Tensor, size: int) -> Tensor:
        log = torch.log2(_luminance(linear).clamp_min(local.FLOOR))
        mean = _box(log, size)
        variance = (_box(log * log, size) - mean**2).clamp_min(0)
        slope = variance / (variance + local.EDGE)
        base = _box(slope, size) * log + _box(mean - slope * mean, size)
        place = (base - local.DARKEST) / (local.BRIGHTEST - local.DARKEST)
        return linear * 2.0 ** _interpolated(change.to(linear), place)


class Tone(nn.Module):
    """A curve on each channel. table: (n,) or (B, n), display by the root of light from 0 to top."""

    def forward(self, linear: Tensor, table: Tensor, top: float = 1.0) -> Tensor:
        return _interpolated(table.to(linear), torch.sqrt(torch.clamp(linear, 0, top) / top + ROOM))


class Saturation(nn.Module):
    """Distance from grey times a factor, display values; clipped to 0..1."""

    def forward(self, display: Tensor, factor: Tensor | float) -> Tensor:
        grey = _weighted(display, (0.2126, 0.7152, 0.0722))
        return torch.clamp(grey + factor * (display - grey), 0, 1)


class Table3d(nn.Module):
    """A table of colours, trilinear. table: (n, n, n, 3) or (B, n, n, n, 3), by red, green, blue over 0..1."""

    def forward(self, display: Tensor, table: Tensor) -> Tensor:
        table = table if table.dim() == 5 else table[None]
        volume = table.to(display).permute(0, 4, 1, 2, 3).expand(display.shape[0], -1, -1, -1, -1)
        at = display.permute(0, 2, 3, 1).flip(-1)[:, None] * 2 - 1  # grid_sample's x is the last axis: blue
        return F.grid_sample(volume, at, mode="bilinear", padding_mode="border", align_corners=True)[:, :, 0]


def sliced(grid: Tensor, depth: Tensor) -> Tensor:
    """A bilateral grid (B, C, d, n, m) at each pixel: (B, C, H, W); depth: (B, 1, H, W), -1..1."""
    b, _, h, w = depth.shape
    y = (torch.arange(h, device=depth.device, dtype=depth.dtype) + 0.5) * 2 / h - 1
    x = (torch.arange(w, device=depth.device, dtype=depth.dtype) + 0.5) * 2 / w - 1
    at = torch.stack([x.expand(b, h, w), y[:, None].expand(b, h, w), depth[:, 0]], -1)[:, None]
    grid = grid.expand(b, *grid.shape[1:])
    return F.grid_sample(grid, at, mode="bilinear", padding_mode="border", align_corners=False)[:, :, 0]


def _interpolated(table: Tensor, place: Tensor) -> Tensor:
    """A table (n,) or (B, n) at places 0..1 of (B, C, H, W), linear between its entries, its ends beyond them."""
    n = table.shape[-1]
    at = torch.clamp(place, 0, 1) * (n - 1)
    low = torch.clamp(at.detach().floor(), 0, n - 2).long()
    table = table if table.dim() == 2 else table[None]
    flat = low.reshape(low.shape[0], -1)
    table = table.expand(low.shape[0], n)
    first, second = (table.gather(1, flat + k).reshape(low.shape) for k in (0, 1))
    return first + (second - first) * (at - low)


def _weighted(picture: Tensor, weights: tuple[float, float, float]) -> Tensor:
    w = torch.tensor(weights, dtype=picture.dtype, device=picture.device)
    return (picture * w[:, None, None]).sum(1, keepdim=True)


def _luminance(linear: Tensor) -> Tensor:
    return _weighted(linear, tuple(LUMA.tolist()))


def _box(picture: Tensor, size: int) -> Tensor:
    """Means of size x size, borders repeated (what scipy calls nearest)."""
    r = size // 2
    return F.avg_pool2d(F.pad(picture, (r, r, r, r), mode="replicate"), size, stride=1)


def _spread(picture: Tensor, kernel: Tensor, step: int) -> Tensor:
    """Filtered along both axes with a kernel whose taps lie `step` apart, mirrored at the borders."""
    channels, r = picture.shape[1], 2 * step
    taps = kernel.expand(channels, 1, -1)
    across = F.conv2d(F.pad(picture, (r, r, 0, 0), mode="reflect"), taps[:, :, None], dilation=step, groups=channels)
    return F.conv2d(F.pad(across, (0, 0, r, r), mode="reflect"), taps[..., None], dilation=step, groups=channels)
