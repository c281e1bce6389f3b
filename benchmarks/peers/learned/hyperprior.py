"""The blind peer: CompressAI's mean-scale hyperprior (Minnen et al. 2018) on packed mosaics, without a guide.

::

    x --g_a: 3 strided 5x5 convolutions, GDN--> y (1/8) --h_a--> z (1/32) --factorised prior--> bytes
    z_hat --h_s--> mean, scale --Gaussian--> y_hat --g_s: 3 strided transposed convolutions, inverse GDN--> x_hat

CompressAI's has four strides; packing stands for the first. One net serves all rates by steps (Cui et al. 2021).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import Guide, Precise, Step
from .compressai_layers import GDN
from .hyper import Factorised
from .net import LatentNet
from .ordered import LEAST_SCALE
from .symbols import SymbolReader, SymbolWriter, bits, scale_index

FIRST, BASE, Z_SCALE = 0.3, 1.55, 4.0
"""As in `r2lcm`."""


def _down(inputs: int, outputs: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 5, 2, 2)


def _up(inputs: int, outputs: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, 1)


class Hyperprior(LatentNet):
    """width: channels inside (CompressAI's N); latents: channels of y (its M)."""

    guided = False
    distortion = "l2"
    lowest, highest = 9.0, 17.0
    scale = 8

    def __init__(self, width: int, latents: int) -> None:
        super().__init__()
        n, m = width, latents
        self.latents = latents
        self.g_a = nn.Sequential(_down(4, n), GDN(n), _down(n, n), GDN(n), Precise(_down(n, m)))
        self.g_s = nn.Sequential(_up(m, n), GDN(n, inverse=True), _up(n, n), GDN(n, inverse=True), Precise(_up(n, 4)))
        self.h_a = nn.Sequential(
            nn.Conv2d(m, n, 3, 1, 1), nn.LeakyReLU(), _down(n, n), nn.LeakyReLU(), Precise(nn.Conv2d(n, n, 3, 1, 1))
        )
        self.h_s = nn.Sequential(
            nn.Conv2d(n, n, 3, 1, 1), nn.LeakyReLU(), _up(n, n), nn.LeakyReLU(), Precise(nn.Conv2d(n, 2 * m, 3, 1, 1))
        )
        self.y_step = Step(m, FIRST, BASE)
        self.z_prior = Factorised(n)

    def analyse(self, x: Tensor, guide: Guide) -> Tensor:
        return self.g_a(x)

    def synthesise(self, y_hat: Tensor, guide: Guide) -> Tensor:
        return self.g_s(y_hat)

    def _distribution(self, z_hat: Tensor) -> tuple[Tensor, Tensor]:
        mean, scale = self.h_s(z_hat / Z_SCALE).chunk(2, 1)
        return mean, F.softplus(scale) + LEAST_SCALE

    def code(self, y: Tensor, guide: Guide, rate: Tensor) -> tuple[Tensor, Tensor]:
        z_hat, z_bits = self.z_prior(self.h_a(y) * Z_SCALE, self.pull)
        mean, scale = self._distribution(z_hat)
        step = self.y_step(rate)
        coded = y.detach() + self.pull * (y - y.detach())
        y_bits = bits((coded - mean) / step, scale / step, self.training).sum((1, 2, 3))
        value = (y - mean) / step
        return mean + step * (value + (value.round() - value).detach()), y_bits + z_bits

    def write(self, y: Tensor, guide: Guide, rate: Tensor, out: SymbolWriter) -> None:
        z_hat = self.z_prior.compress(self.h_a(y) * Z_SCALE, out)
        mean, scale = self._distribution(z_hat)
        step = self.y_step(rate)
        out.put(((y - mean) / step).round()[0], scale_index(scale / step)[0])

    def read(self, guide: Guide, rate: Tensor, h: int, w: int, source: SymbolReader) -> Tensor:
        z_hat = self.z_prior.decompress(h // 2, w // 2, source)
        mean, scale = self._distribution(z_hat)
        step = self.y_step(rate)
        return mean + step * source.get(scale_index(scale / step))
