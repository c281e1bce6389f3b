"""The trunk's encoder: fit on samples, code tile by tile, hit a rate.

::

    sample windows --Fitter at a step--> parameters of the stages, estimated bits     (until the rate fits)
    all tiles --Encoder with these parameters--> substreams                         (again with a nearby step if needed)

Only the decoder's arithmetic is exact; here, what is chosen may come from floats, since every choice is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from codec.trunk.companding import LOSSLESS
from codec.trunk.companding_torch import TorchCompanding
from codec.trunk.effort import Effort
from codec.trunk.exact import ExactEncoder, ExactFitter, Lattice
from codec.trunk.ground import Window
from codec.trunk.ground_torch import TorchGround
from codec.trunk.layout import Layout, tiles
from codec.trunk.order import HAAR, IN_PLACE
from codec.trunk.parallel import in_parallel
from codec.trunk.params import Params
from codec.trunk.recipe import Recipe
from codec.trunk.stages import forward_basis, inverse_basis, run_stages, split
from codec.trunk.visitors import Encoder, Fitter
from entropy.substream import SubstreamCoder
from entropy.tables import EXACT, TRELLIS, Tables

SAMPLE_SIDE = 96
LAGRANGIAN = 0.10
KEEP_BASES = 50_000_000
"""Sites up to which the base is kept in memory, 4 bytes a site."""

DEFAULT_EFFORT = Effort()

CLEAR = 0.97
"""Share of sample windows that must agree on a basis for the other not to be tried at all."""

Progress = Callable[[str, float], None]


@dataclass
class Fit:
    """Parameters at a step, and what the samples say of it. bits: per site. cost: bits, and the squared error in bits'
    worth, per site."""

    step: int
    params: dict[int, Params]
    bits: float
    cost: float


@dataclass
class Coded:
    """A coded picture: substreams by (tile, stage), basis by tile, decoded planes int32 (4, h, w)."""

    step: int
    substreams: dict[tuple[int, int], bytes]
    bases: list[int]
    planes: torch.Tensor


class TrunkEncoder:
    """Encodes one picture's packed planes.

    planes: int32 (4, h, w), DN; kappa: exponent of the guided step in quarters; tile: side of a tile in cells, even.
    """

    def __init__(
        self,
        planes: torch.Tensor,
        layout: Layout,
        ground: TorchGround,
        recipe: Recipe,
        companding: TorchCompanding,
        tables: Tables,
        kappa: int,
        effort: Effort = DEFAULT_EFFORT,
        lagrangian: float = LAGRANGIAN,
    ) -> None:
        self.layout, self.ground, self.recipe, self.companding, self.tables = layout, ground, recipe, companding, tables
        self.kappa, self.effort, self.lagrangian = kappa, effort, lagrangian
        self.coder = {kind: SubstreamCoder(tables, kind) for kind in (TRELLIS, EXACT)}
        h, w = layout.cells
        edge = (0, 1, 0, 1)
        self.planes = torch.nn.functional.pad(planes[None].float(), edge, mode="replicate")[0].to(
            ground.device, torch.int32
        )
        inside = torch.from_numpy(layout.inside())[None].float()
        self.inside = torch.nn.functional.pad(inside, edge)[0].to(ground.device, torch.bool)
        self._bases: dict[Window, torch.Tensor] = {}
        self._sample = self._windows(h, w, effort.windows)
        self._sample_base = ground.base(self._sample, recipe, companding)

    @staticmethod
    def _windows(h: int, w: int, number: int) -> Window:
        rows, cols = min(SAMPLE_SIDE, max(2, h // 2 * 2)), min(SAMPLE_SIDE, max(2, w // 2 * 2))
        down = max(1, min(round((number * h / w) ** 0.5), h // rows))
        across = max(1, min(number // down, w // cols))
        places = [
            (round((i + 0.5) * (h - rows) / down) if down > 1 else max(0, h - rows) // 2,
             round((j + 0.5) * (w - cols) / across) if across > 1 else max(0, w - cols) // 2)
            for i in range(down) for j in range(across)
        ]  # fmt: skip
        return Window(tuple(places), rows, cols)

    def _targets(
        self, window: Window, base: torch.Tensor, basis: int
    ) -> tuple[list[list[torch.Tensor]], list[list[torch.Tensor]]]:
        def cut(v: torch.Tensor) -> torch.Tensor:
            return torch.stack([v[:, r : r + window.rows, c : c + window.cols] for r, c in window.places])

        level = self.companding.level(cut(self.planes))
        y = (self.companding.compand(level) - self.companding.compand(base)).to(torch.float64)
        inside = cut(self.inside)
        valid = [split(inside[:, k]) for k in range(4)]
        if basis == HAAR:
            valid = [[v[0] | v[1] | v[2] | v[3]] * 4 for v in valid]
            y = torch.where(inside, y, torch.zeros_like(y))
        return [forward_basis(y[:, k], basis) for k in range(4)], valid

    def fit(self, step: int) -> Fit:
        """Fit the stages' parameters to the sample windows at a step."""
        bases = (IN_PLACE, HAAR) if self.effort.haar and step != LOSSLESS else (IN_PLACE,)
        costs, fitted = [], {}
        for basis in bases:
            scene = self.ground.scene(self._sample, self._sample_base, self.companding, step, self.kappa, basis)
            targets = self._targets(self._sample, self._sample_base, basis)
            if step == LOSSLESS:
                fitter: Fitter = ExactFitter(Lattice(self.companding, self._sample_base), self.tables, *targets)
            else:
                fitter = Fitter(basis, self.tables, *targets, self.lagrangian, self.effort.states)
            run_stages(scene, fitter)
            assert isinstance(fitter.rate, torch.Tensor) and isinstance(fitter.distortion, torch.Tensor)
            costs.append((fitter.distortion + self.lagrangian * fitter.rate).cpu().numpy())
            fitted[basis] = fitter
        better = np.argmin(costs, 0)
        shares = [(better == i).mean() for i in range(len(bases))]
        used = {b: fitted[b].params for i, b in enumerate(bases) if shares[i] > 1 - CLEAR}
        rates = np.stack([fitted[b].rate.cpu().numpy() for b in bases])  # type: ignore[union-attr]
        sites = 4 * self._sample.rows * self._sample.cols * len(self._sample.places)
        cost = float(np.min(costs, 0).sum()) / self.lagrangian / sites
        return Fit(step, used, float(np.take_along_axis(rates, better[None], 0).sum()) / sites, cost)

    def _tile(
        self, place: tuple[int, int, int, int], step: int, params: Mapping[int, Params], thrift: float
    ) -> tuple[int, list[bytes], torch.Tensor]:
        window = Window((place[:2],), place[2], place[3])
        base = self._base(window)
        best = None
        for basis, p in params.items():
            scene = self.ground.scene(window, base, self.companding, step, self.kappa, basis)
            targets = self._targets(window, base, basis)
            if step == LOSSLESS:
                encoder: Encoder = ExactEncoder(Lattice(self.companding, base), p, self.tables, *targets)
            else:
                encoder = Encoder(p, self.tables, *targets, thrift * self.lagrangian, self.effort.states)
            decoded = run_stages(scene, encoder)
            cost = float(encoder.distortion + self.lagrangian * encoder.rate)
            if best is None or cost < best[0]:
                best = cost, basis, encoder.coded, decoded
        assert best is not None
        _, basis, coded, decoded = best
        streams = [
            self.coder[EXACT if step == LOSSLESS else TRELLIS].encode(
                s.reshape(-1).cpu().numpy(), c.reshape(-1).to(torch.uint8).cpu().numpy()
            )
            for s, c in coded
        ]
        return basis, streams, rebuild(decoded, base, self.companding, basis).cpu()

    def _base(self, window: Window) -> torch.Tensor:
        """Base of a tile; kept between codings where the picture is not huge."""
        base = self._bases.get(window)
        if base is None:
            base = self.ground.base(window, self.recipe, self.companding)
            if self.planes.numel() < KEEP_BASES:
                self._bases[window] = base
        return base

    def encode(
        self,
        step: int,
        params: dict[int, Params],
        side: int,
        thrift: float = 1.0,
        bases: list[int] | None = None,
        progress: Progress | None = None,
    ) -> Coded:
        """Code every tile of `side` cells; thrift: factor of the Lagrangian; bases: of the tiles, if chosen already."""
        h, w = self.layout.cells
        places = tiles(h, w, side)
        planes = torch.zeros(4, h, w, dtype=torch.int32)
        out = Coded(step, {}, [], planes)

        def code(n: int) -> tuple[int, list[bytes], torch.Tensor]:
            choice = params if bases is None else {bases[n]: params[bases[n]]}
            return self._tile(places[n], step, choice, thrift)

        for n, (basis, streams, piece) in enumerate(in_parallel(code, range(len(places)))):
            out.bases.append(basis)
            out.substreams |= {(n, stage): data for stage, data in enumerate(streams) if data}
            r, c = places[n][:2]
            planes[:, r : r + side, c : c + side] = piece[:, : h - r, : w - c]
            if progress:
                progress("coding", (n + 1) / len(places))
        return out


def rebuild(
    decoded: list[list[torch.Tensor]], base: torch.Tensor, companding: TorchCompanding, basis: int
) -> torch.Tensor:
    """Decoded stages and base of one tile to DN, int32 (4, h, w)."""
    y_hat = torch.stack([inverse_basis(parts, basis)[0] for parts in decoded])
    return companding.expand(companding.compand(base[0]).to(torch.float64) + y_hat)
