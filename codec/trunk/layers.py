"""Layers: layer 0 like a stream of one layer; each further one cuts the cells of the one before to its finer step.

::

    layer 0   run_stages: symbols --thresholds of their class--> cells, y_hat
    layer l   the 16 stages again, in place. What is known on all sides --mean--> mu, --size--> expected magnitude b
              while a cell is too wide:  where to cut (mu, b, step) --odds of its upper part--> yes/no
              y_hat from the cell, mu and b

A stage sees around it the finest that is decoded: of places that this layer has passed already its own y_hat, of the
others the coarser layer's. Its own place is left out, the cell says all about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from codec.trunk.cells import LEAST, SHAPE_END, SHAPE_UNIT, Cells, Rules, between, cut_class
from codec.trunk.order import CROSS, DIAGONAL, IN_PLACE, NINE, PLANES, REFINED, STAGES, Y_LIMIT
from codec.trunk.params import Params
from codec.trunk.quantiser import SYMBOL_LIMIT
from codec.trunk.stages import Decoded, Scene, box_sum, run_stages, view_sum
from codec.trunk.visitors import StageCoder, mean_coefficients
from codec.trunk.weights import fit_weights
from entropy.tables import HALF, OFFSET_UNIT, SIZE_BITS

CONTEXT_LIMIT = float(1 << 30)
"""Bound of a context, so that sizes stay below 2^53."""

MAX_ROUNDS = 64
"""No true value needs more cuts in one layer: each halves its cell, or cuts at one of two places around the mean."""

FIT_PLACES = 16_000
"""Places of a stage that a fit looks at."""


class Source(Protocol):
    """Where symbols and decisions come from: the picture itself, or a stream."""

    def symbols(self, stage: int, mu: torch.Tensor, step: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """Symbols of a stage of layer 0, int32."""

    def begin(self, stage: int) -> None:
        """Cuts of a stage of a further layer follow."""

    def cuts(self, places: torch.Tensor, index: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """Whether the value's number is at least `index`, bool, at places (flat); classes: of the odds."""

    def end(self) -> None:
        """The stage is done."""


class LayerCoder(StageCoder):
    """What encoder and decoder of a layer share: where the cuts are, their odds, and y_hat.

    deep: whether cells are cut down to single values. magnitudes: |y_hat - mu| by plane and pass.
    """

    def __init__(self, params: Params, rules: Rules, cells: Cells, source: Source, deep: bool = False) -> None:
        device = cells.base(0).device
        super().__init__(params, rules.tables, device=device)
        self.cells, self.source, self.deep = cells, source, deep
        self.thresholds, self.shape = rules.thresholds.to(device), rules.shape.to(device)
        self.magnitudes: list[list[torch.Tensor]] = [[], [], [], []]

    def expect(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Class of a stage's places, int64, and expected |y - mu|, whole numbers >= 1."""
        size = self.size(stage, contexts)
        return self.class_at(size).long(), torch.floor(size * step / (1 << SIZE_BITS)).clamp(min=1.0)

    def symbols(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Layer 0: symbols and y_hat; sets the cells."""
        classes, _ = self.expect(stage, mu, step, contexts)
        symbols = self.source.symbols(stage, mu, step, classes)
        magnitude, sign = symbols.abs().to(torch.int64), symbols.sign().to(torch.float64)
        near, far = (magnitude_from(self.thresholds, classes, magnitude + i, step) for i in (0, 1))
        # e in [near, far), or its mirror image, or between both
        low, high = torch.where(sign > 0, near, 1 - far), torch.where(sign < 0, 1 - near, far)
        self.cells.open(stage, mu + low, mu + high)
        y_hat = (mu + symbols * step).clamp(-Y_LIMIT, Y_LIMIT)  # no trellis: a cell must be a run of values
        self.magnitudes[STAGES[stage][0]].append((y_hat - mu).abs())
        return 4 * symbols.abs(), y_hat

    def refine(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A further layer: cuts the stage's cells; y_hat and |y_hat - mu|."""
        k, t = STAGES[stage]
        classes, expected = self.expect(stage, mu, step, contexts)
        deadzone = magnitude_from(self.thresholds, classes, torch.ones_like(classes), step)
        self.source.begin(stage)
        u = mu + self.cells.base(stage)
        first, behind = (v[k][t].flatten().clone() for v in (self.cells.first, self.cells.behind))
        low, high = (self.cells.edge(stage, v) - u.flatten() for v in (first, behind))
        places = torch.arange(len(first), device=first.device)
        left, right = (self._mass(e, expected.flatten()) for e in (low, high))
        active = [places, first, behind, low, high, left, right]
        active += [v.flatten() for v in (u, step, expected, deadzone)]
        for _ in range(MAX_ROUNDS):
            wide, at = self._where(*active[1:5], *active[8:])
            pick = torch.nonzero(wide)[:, 0]
            if not len(pick):
                break
            if len(pick) < len(wide):
                active, at = [v[pick] for v in active], at[pick]
            places, a, c, low, high, left, right, u = active[:8]
            index = torch.minimum(torch.maximum(self.cells.nearest(stage, u + at), a + 1), c - 1)
            edge = self.cells.edge(stage, index) - u
            middle = self._mass(edge, active[9])
            odds = (right - middle).clamp(min=LEAST) / (middle - left).clamp(min=LEAST)
            yes = self.source.cuts(places, index, cut_class(odds))
            active[1:7] = [
                torch.where(yes, index, a), torch.where(yes, c, index), torch.where(yes, edge, low),
                torch.where(yes, high, edge), torch.where(yes, middle, left), torch.where(yes, right, middle),
            ]  # fmt: skip
            first[places], behind[places] = active[1], active[2]
        self.source.end()
        self.cells.first[k][t], self.cells.behind[k][t] = first.reshape(mu.shape), behind.reshape(mu.shape)
        y_hat = between(stage, self.cells, mu, expected)
        return y_hat, (y_hat - mu).abs()

    def estimate(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`refine` where the layer's cuts are not there: y_hat and |y_hat - mu| in the cells as they are."""
        y_hat = between(stage, self.cells, mu, self.expect(stage, mu, step, contexts)[1])
        return y_hat, (y_hat - mu).abs()

    def _where(
        self, first: torch.Tensor, behind: torch.Tensor, low: torch.Tensor, high: torch.Tensor,
        step: torch.Tensor, expected: torch.Tensor, deadzone: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Which cells are to be cut (bool), and where. low, high: their ends, relative to the mean.

        Where little is expected against the step, at the deadzone's ends, unless one is nearly the cell's; else in
        halves.
        """
        middle = torch.floor((low + high) / 2)
        if self.deep:
            return behind - first > 1, middle
        margin = torch.floor(step * 77 / 256)
        little = expected * 10 < step * 7
        inner, outer = low + margin, high - margin
        below = little & (-deadzone > inner) & (-deadzone < outer)
        above = little & (deadzone > inner) & (deadzone < outer)
        at = torch.where(below, -deadzone, torch.where(above, deadzone, middle))
        reach = deadzone + margin
        whole = little & (low >= -reach) & (high <= reach) & (low <= 0) & (high >= 0)
        return (behind - first > 1) & ~whole & ((high - low) * 2 > step * 3), at

    def _mass(self, distance: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
        """Mass of the expected distribution from the mean to a distance from it, with the distance's sign."""
        at = (distance.abs() * SHAPE_UNIT / expected).clamp(max=float(SHAPE_UNIT * SHAPE_END))
        cell = torch.floor(at)
        part, entry = at - cell, cell.long()
        below = self.shape[entry]
        rise = (self.shape[entry + 1] - below) * part
        return (below + rise) * distance.sign()


def magnitude_from(
    limits: torch.Tensor, classes: torch.Tensor, symbol: torch.Tensor, step: torch.Tensor
) -> torch.Tensor:
    """Least |y - mu|, a whole number, that is coded as a symbol of that magnitude (int64). limits: `thresholds`."""
    known = limits[classes, symbol.clamp(max=HALF + 1)]
    beyond = (symbol * OFFSET_UNIT - OFFSET_UNIT // 2).to(torch.float64)
    return torch.ceil(torch.where(symbol > HALF, beyond, known) * step / OFFSET_UNIT)


@dataclass
class State:
    """What a layer leaves: y_hat and |y_hat - mu| by plane and pass (B, h/2, w/2), whole numbers in float64."""

    y: list[list[torch.Tensor]]
    magnitude: list[list[torch.Tensor]]


def run_first(scene: Scene, coder: LayerCoder) -> State:
    """Layer 0."""
    return State(run_stages(scene, coder), coder.magnitudes)


def run_layer(
    scene: Scene, before: State, coder: LayerCoder, count: int = 16, estimate: bool = False, begin: int = 0
) -> State:
    """A further layer over what the layer before left; only its first `count` stages are there.

    The others stay as they are or, where `estimate` says so, get a new y_hat in their old cells, from the mean of this
    layer. begin: the stages before are in `before` already.
    """
    values, sizes = ([_whole(parts) for parts in v] for v in (before.y, before.magnitude))
    boxes = [view_sum([box_sum(p) for p in plane.parts]) for plane in sizes]
    out = State([list(parts) for parts in before.y], [list(parts) for parts in before.magnitude])
    for stage, (k, t) in list(enumerate(STAGES))[begin : None if estimate else count]:
        step = scene.step[k][t]
        others = [j for j in PLANES if j != k]
        near = [values[k].at(t, o) for o in CROSS + DIAGONAL]
        near += [values[j].at(t, o) for j in others for o in NINE]
        mu = coder.mean(stage, near)
        if mu.shape != step.shape:
            mu = torch.zeros_like(step)
        contexts = [torch.ones_like(step), torch.floor(65536.0 / step), torch.floor(mu.abs() * 256.0 / step)]
        contexts += [torch.floor(a[t] * 16384.0 / step) for a in scene.activity]
        sums = [view_sum([sizes[k].at(t, o) for o in group]) * 64 for group in (CROSS, DIAGONAL)]
        for j in others:
            sums.append(sizes[j].at(t, (0, 0)) * 256)
            sums += [view_sum([sizes[j].at(t, o) for o in group]) * 64 for group in (CROSS, DIAGONAL)]
        sums += [boxes[k] * 8, view_sum([boxes[j] for j in others]) * 4]
        contexts += [torch.floor(v / step).clamp(max=CONTEXT_LIMIT) for v in sums]
        code = coder.refine if stage < count else coder.estimate
        out.y[k][t], out.magnitude[k][t] = code(stage, mu, step, contexts)
        values[k].replace(t, out.y[k][t])
        boxes[k] = boxes[k] - box_sum(sizes[k].parts[t])
        sizes[k].replace(t, out.magnitude[k][t])
        boxes[k] = boxes[k] + box_sum(sizes[k].parts[t])
    return out


def _whole(parts: list[torch.Tensor]) -> Decoded:
    plane = Decoded(IN_PLACE)
    for part in parts:
        plane.add(part)
    return plane


class LayerFitter(LayerCoder):
    """A coder that first fits each stage's parameters to the picture, in closed form. y, valid: [plane][pass]."""

    def __init__(
        self,
        layer: int,
        rules: Rules,
        cells: Cells,
        source: Source,
        y: list[list[torch.Tensor]],
        valid: list[list[torch.Tensor]],
        deep: bool = False,
    ) -> None:
        empty = [np.zeros(0, np.int64)] * 16
        basis = REFINED if layer else IN_PLACE
        super().__init__(Params(basis, list(empty), list(empty)), rules, cells, source, deep)
        self.layer, self.y, self.valid = layer, y, valid
        self._rng = np.random.default_rng(1)

    def mean(self, stage: int, near: list[torch.Tensor]) -> torch.Tensor:
        k, t = STAGES[stage]
        places = torch.nonzero(self.valid[k][t].reshape(-1))[:, 0]
        if len(places) > FIT_PLACES:
            pick = torch.from_numpy(self._rng.choice(len(places), FIT_PLACES, replace=False))
            places = places[pick.to(places.device)]
        self._places = places
        self.params.mean[stage] = np.zeros(len(near), np.int64)
        if near and len(places):
            picked = torch.stack([v.reshape(-1)[places] for v in near], 1)
            self.params.mean[stage] = mean_coefficients(picked, self.y[k][t].reshape(-1)[places])
        return super().mean(stage, near)

    def expect(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        k, t = STAGES[stage]
        at = lambda v: v.reshape(-1)[self._places]  # noqa: E731
        x = torch.stack([at(z) for z in contexts], 1).cpu() / 2.0**SIZE_BITS
        want = at((self.y[k][t] - mu).abs() / step)
        if self.layer == 0:
            self.params.weight[stage] = fit_weights(x, torch.floor(want + 0.42).cpu())
            classes = at(self.class_at(self.size(stage, contexts)).long())
            want = quantise(self.thresholds, classes, at((self.y[k][t] - mu).abs()), at(step)).to(torch.float64)
        self.params.weight[stage] = fit_weights(x, want.cpu())
        return super().expect(stage, mu, step, contexts)


def quantise(limits: torch.Tensor, classes: torch.Tensor, magnitude: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """Magnitude, int64, of the symbol that codes |y - mu|; limits: `thresholds`."""
    high = torch.floor(magnitude / step + 0.5).to(torch.int64).clamp(max=SYMBOL_LIMIT)
    return torch.where(magnitude >= magnitude_from(limits, classes, high, step), high, (high - 1).clamp(min=0))
