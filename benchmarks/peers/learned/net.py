"""`CodingNet`: what every net offers trainer and peer, and the windows that keep large pictures in little memory.

::

    x --g_a, windows with a halo--> y --blocks, each on its own: entropy model--> symbols --> bytes
    bytes --blocks--> y_hat --g_s, windows with a halo--> x_hat

Encoder and decoder run the entropy model on the same blocks, so both compute the same numbers there; what a window's
halo cuts off changes the picture by less than a rounding of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import RATE_SPAN, Guide
from .planes import expand
from .symbols import SymbolReader, SymbolWriter

WINDOW, HALO = 384, 32
"""Cells of a window of the analysis and the synthesis, and around it."""

BLOCK = 512
"""Cells of a block of the entropy model."""

DIVISOR = 16
"""Sides of a padded picture, in cells, are multiples of this."""


class CodingNet(nn.Module, ABC):
    """A net that codes packed planes x, (B, 4, h, w), sides multiples of `DIVISOR`.

    guided: whether `forward` takes the guide's planes. distortion: "l1" or "l2" of light; lowest, highest: log2 of what
    the error is weighed with at rates 0 and `RATE_SPAN`, beside bits per sample.
    """

    guided = True
    distortion = "l1"
    lowest, highest = 7.5, 13.5
    pull = 1.0
    """How much of its gradient the rate has on latents; the trainer begins at 0, lest they vanish before use."""

    @abstractmethod
    def forward(self, x: Tensor, planes: Tensor | None, rate: Tensor) -> tuple[Tensor, Tensor]:
        """x_hat and bits per sample (B,); with noise in training, as they are coded else. rate: (B,) 0..RATE_SPAN."""

    @abstractmethod
    def compress(self, x: Tensor, planes: Tensor | None, rate: float) -> bytes:
        """The bytes of one picture, (1, 4, h, w)."""

    @abstractmethod
    def decompress(self, data: bytes, planes: Tensor | None, rate: float, h: int, w: int) -> Tensor:
        """x_hat, (1, 4, h, w), of what `compress` gave."""

    def weight(self, rate: Tensor) -> Tensor:
        """What the error is weighed with."""
        return torch.exp2(self.lowest + (self.highest - self.lowest) * rate / RATE_SPAN)

    def loss(self, x: Tensor, planes: Tensor | None, rate: Tensor) -> Tensor:
        """Mean over the batch of bits and weighed error, over the root of the weight: no rate drowns the others."""
        x_hat, bits = self(x, planes, rate)
        weight = self.weight(rate)
        return ((bits + weight * error(x_hat, x, self.distortion)) / weight.sqrt()).mean() * 2 ** (
            (self.lowest + self.highest) / 4
        )


def error(x_hat: Tensor, x: Tensor, kind: str) -> Tensor:
    """Mean error in light of each picture (B,): "l1" or "l2"."""
    e = expand(x_hat) - expand(x)
    return (e.abs() if kind == "l1" else e.square()).mean((1, 2, 3))


def windows(h: int, w: int, side: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the windows that make up h x w."""
    for r in range(0, h, side):
        for c in range(0, w, side):
            yield slice(r, min(r + side, h)), slice(c, min(c + side, w))


def _around(s: slice, end: int, halo: int) -> slice:
    return slice(max(s.start - halo, 0), min(s.stop + halo, end))


def _scaled(s: slice, by: int) -> slice:
    return slice(s.start // by, s.stop // by)


def in_windows(
    net: Callable[[Tensor, Guide], Tensor],
    a: Tensor,
    planes: Tensor | None,
    rate: Tensor,
    scale_in: int,
    scale_out: int,
) -> Tensor:
    """Run a net over a picture window by window. a: (1, C, h / scale_in, w / scale_in), sides h and w in cells."""
    h, w = a.shape[2] * scale_in, a.shape[3] * scale_in
    out: Tensor | None = None
    for rows, cols in windows(h, w, WINDOW):
        r, c = _around(rows, h, HALO), _around(cols, w, HALO)
        seen = None if planes is None else planes[:, :, r, c]
        got = net(a[:, :, _scaled(r, scale_in), _scaled(c, scale_in)],
                  Guide(seen, rate, (r.stop - r.start, c.stop - c.start)))  # fmt: skip
        if out is None:
            out = got.new_empty(1, got.shape[1], h // scale_out, w // scale_out)
        top, left = (rows.start - r.start) // scale_out, (cols.start - c.start) // scale_out
        to = _scaled(rows, scale_out), _scaled(cols, scale_out)
        wanted = got[:, :, top : top + to[0].stop - to[0].start, left : left + to[1].stop - to[1].start]
        out[:, :, to[0], to[1]] = wanted
    assert out is not None
    return out


class LatentNet(CodingNet):
    """A net of the shape analysis, entropy model, synthesis. scale: cells to a latent's side; latents: channels."""

    scale: int
    latents: int

    @abstractmethod
    def analyse(self, x: Tensor, guide: Guide) -> Tensor:
        """y of x."""

    @abstractmethod
    def synthesise(self, y_hat: Tensor, guide: Guide) -> Tensor:
        """x_hat of y_hat."""

    @abstractmethod
    def code(self, y: Tensor, guide: Guide, rate: Tensor) -> tuple[Tensor, Tensor]:
        """y_hat and bits (B,)."""

    @abstractmethod
    def write(self, y: Tensor, guide: Guide, rate: Tensor, out: SymbolWriter) -> None:
        """Write the symbols of a block."""

    @abstractmethod
    def read(self, guide: Guide, rate: Tensor, h: int, w: int, source: SymbolReader) -> Tensor:
        """y_hat of a block of h x w latents."""

    def forward(self, x: Tensor, planes: Tensor | None, rate: Tensor) -> tuple[Tensor, Tensor]:
        guide = Guide(planes, rate, (x.shape[2], x.shape[3]))
        y_hat, bits = self.code(self.analyse(x, guide), guide, rate)
        return self.synthesise(y_hat, guide), bits / x[0].numel()

    def compress(self, x: Tensor, planes: Tensor | None, rate: float) -> bytes:
        t, out = torch.tensor([rate]), SymbolWriter()
        y = in_windows(self.analyse, x, planes, t, 1, self.scale)
        for r, c in windows(x.shape[2], x.shape[3], BLOCK):
            self.write(y[:, :, _scaled(r, self.scale), _scaled(c, self.scale)], _block(planes, t, r, c), t, out)
        return out.bytes()

    def decompress(self, data: bytes, planes: Tensor | None, rate: float, h: int, w: int) -> Tensor:
        t, source = torch.tensor([rate]), SymbolReader(data)
        y_hat = torch.zeros(1, self.latents, h // self.scale, w // self.scale)
        for r, c in windows(h, w, BLOCK):
            rows, cols = _scaled(r, self.scale), _scaled(c, self.scale)
            y_hat[:, :, rows, cols] = self.read(
                _block(planes, t, r, c), t, rows.stop - rows.start, cols.stop - cols.start, source
            )
        return in_windows(self.synthesise, y_hat, planes, t, self.scale, 1)


def _block(planes: Tensor | None, rate: Tensor, r: slice, c: slice) -> Guide:
    return Guide(None if planes is None else planes[:, :, r, c], rate, (r.stop - r.start, c.stop - c.start))


def padded(planes: Tensor) -> Tensor:
    """Planes (1, C, h, w) with their last rows and columns repeated up to multiples of `DIVISOR`."""
    h, w = planes.shape[2:]
    return F.pad(planes, (0, -w % DIVISOR, 0, -h % DIVISOR), mode="replicate")
