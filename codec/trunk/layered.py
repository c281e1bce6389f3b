"""A picture in layers: fitting them on samples, coding and decoding the tiles.

::

    sample windows --LayerFitter, layer by layer--> parameters of each, estimated bits
    a tile: layer 0, layer 1 ... --LayerCoder--> substreams (tile, layer, stage)
    a tile of a stream: all layers that are there; of the last one perhaps its first stages only
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bitstream.container import Key
from bitstream.layers import Depth
from codec.trunk.cells import Cells, Rules
from codec.trunk.companding import LOSSLESS
from codec.trunk.companding_torch import TorchCompanding
from codec.trunk.encoder import Progress, TrunkEncoder, rebuild
from codec.trunk.ground import Window
from codec.trunk.ground_torch import TorchGround
from codec.trunk.layers import LayerCoder, LayerFitter, Source, State, quantise, run_first, run_layer
from codec.trunk.layout import Layout, tiles
from codec.trunk.order import IN_PLACE, STAGES
from codec.trunk.parallel import in_parallel
from codec.trunk.params import Params
from codec.trunk.recipe import Recipe
from codec.trunk.stages import Scene, split
from entropy.cuts import EVEN, CutReader, Round, cut_bits, write_cuts
from entropy.substream import SubstreamCoder, ideal_bits
from entropy.tables import EXACT, Tables

COARSEST = 5119


@dataclass(frozen=True)
class Layer:
    """A layer's step index, or `LOSSLESS`, and its parameters.

    estimate: whether stages that are not there are estimated. bits: per site, estimated where the layer was fitted.
    """

    step: int
    params: Params
    estimate: bool = False
    bits: float = 0.0


def layer_scene(
    ground: TorchGround,
    window: Window,
    base: torch.Tensor,
    companding: TorchCompanding,
    step: int,
    spread: int,
    kappa: int,
) -> Scene:
    """`Ground.scene` for a layer whose stages' steps differ by `spread`: the first are the coarsest."""
    scene = ground.scene(window, base, companding, step, kappa, IN_PLACE)
    if step != LOSSLESS and spread:
        for stage, (k, t) in enumerate(STAGES):
            own = min(max(step + spread * (15 - 2 * stage) // 2, 0), COARSEST)
            table = companding.steps(own, kappa).to(base.device)
            scene.step[k][t] = table[companding.step_cell(split(base[:, k])[t])]
    return scene


class PictureSource(Source):
    """The picture as a source; keeps what a stream must hold. y, valid: [plane][pass]."""

    def __init__(
        self, rules: Rules, cells: Cells, y: list[list[torch.Tensor]], valid: list[list[torch.Tensor]]
    ) -> None:
        self.rules, self.cells, self.y, self.valid = rules, cells, y, valid
        self.coded: list[tuple[np.ndarray, np.ndarray]] = []
        self.rounds: list[list[Round]] = []

    def symbols(self, stage: int, mu: torch.Tensor, step: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        k, t = STAGES[stage]
        e = self.y[k][t] - mu
        symbols = (quantise(self.rules.thresholds.to(e.device), classes, e.abs(), step) * e.sign()).to(torch.int32)
        symbols = torch.where(self.valid[k][t], symbols, 0)
        self.coded.append((symbols.reshape(-1).cpu().numpy(), classes.reshape(-1).to(torch.uint8).cpu().numpy()))
        return symbols

    def begin(self, stage: int) -> None:
        k, t = STAGES[stage]
        self.rounds.append([])
        self._true = self.cells.nearest(stage, self.y[k][t] + self.cells.base(stage)).reshape(-1)
        self._valid = self.valid[k][t].reshape(-1)

    def cuts(self, places: torch.Tensor, index: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        yes = torch.where(self._valid[places], self._true[places] >= index, classes >= EVEN)
        self.rounds[-1].append((yes.cpu().numpy(), classes.to(torch.uint8).cpu().numpy()))
        return yes

    def end(self) -> None:
        pass

    def bits(self) -> float:
        """Code length of all that was kept."""
        table, lengths = self.rules.tables.bits(EXACT), cut_bits()
        total = sum(ideal_bits(s, c, table) for s, c in self.coded)
        return total + sum(float(lengths[c, d.astype(int)].sum()) for stage in self.rounds for d, c in stage)


class StreamSource(Source):
    """Substreams as a source, by stage."""

    def __init__(self, coder: SubstreamCoder, substreams: Mapping[int, bytes], device: torch.device) -> None:
        self.coder, self.substreams, self.device = coder, substreams, device

    def symbols(self, stage: int, mu: torch.Tensor, step: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        flat = self.coder.decode(self.substreams.get(stage, b""), classes.reshape(-1).to(torch.uint8).cpu().numpy())
        return torch.from_numpy(flat).reshape(classes.shape).to(self.device)

    def begin(self, stage: int) -> None:
        self._reader = CutReader(self.substreams.get(stage, b""))

    def cuts(self, places: torch.Tensor, index: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self._reader.read(classes.to(torch.uint8).cpu().numpy())).to(self.device)

    def end(self) -> None:
        self._reader.finish()


@dataclass
class CodedLayers:
    """A coded picture: substreams by (tile, layer, stage), decoded planes int32 (4, h, w)."""

    substreams: dict[Key, bytes]
    planes: torch.Tensor


class LayeredEncoder(TrunkEncoder):
    """Codes in layers what `TrunkEncoder` codes in one.

    Layers are fitted one after another by `first` and `further`; `encode_layers` codes with them. spread: how far the
    steps of a layer's neighbouring stages lie apart, so that quality rises evenly as stage follows stage.
    """

    spread = 0
    _state: State

    def first(self, step: int) -> Layer:
        """Fit layer 0 to the sample windows; layers from here on count anew."""
        self._rules = Rules(self.tables)
        self._cells = Cells(self.companding, self._sample_base)
        self._fitted: list[Layer] = []
        return self._fit(step)

    def further(self, step: int, keep: bool = True) -> Layer:
        """Fit the next layer; LOSSLESS is the last. keep: False to see what it would be, and go on without it."""
        cells = [list(v) for v in self._cells.first], [list(v) for v in self._cells.behind]
        state = self._state
        layer = self._fit(step)
        if not keep:
            self._cells.first, self._cells.behind = cells
            self._state = state
            self._fitted.pop()
        return layer

    def _fit(self, step: int) -> Layer:
        cells = self._cells
        y, valid = self._targets(self._sample, self._sample_base, IN_PLACE)
        source = PictureSource(self._rules, cells, y, valid)
        coder = LayerFitter(len(self._fitted), self._rules, cells, source, y, valid, step == LOSSLESS)
        scene = layer_scene(
            self.ground, self._sample, self._sample_base, self.companding, step, self.spread, self.kappa
        )
        estimate = False
        if self._fitted:
            before, first, behind = self._state, [list(v) for v in cells.first], [list(v) for v in cells.behind]
            self._state = run_layer(scene, before, coder)
            estimate = self._better_estimated(scene, coder, before, first, behind)
        else:
            self._state = run_first(scene, coder)
        sites = 4 * self._sample.rows * self._sample.cols * len(self._sample.places)
        self._fitted.append(Layer(step, coder.params, estimate, source.bits() / sites))
        return self._fitted[-1]

    def _better_estimated(
        self, scene: Scene, fitted: LayerFitter, before: State,
        first: list[list[torch.Tensor]], behind: list[list[torch.Tensor]],
    ) -> bool:  # fmt: skip
        """Whether the layer's second half, were it not there, is better estimated than left as it was before."""
        cells, half = Cells(self.companding, self._sample_base), len(STAGES) // 2
        cells.first, cells.behind = first, behind
        mixed = State([list(v) for v in before.y], [list(v) for v in before.magnitude])
        for k, t in STAGES[:half]:
            mixed.y[k][t], mixed.magnitude[k][t] = self._state.y[k][t], self._state.magnitude[k][t]
        coder = LayerCoder(fitted.params, self._rules, cells, fitted.source)
        after = run_layer(scene, mixed, coder, half, True, half)

        def error(state: State) -> float:
            parts = [((fitted.y[k][t] - state.y[k][t]) / scene.step[k][t]) ** 2 * fitted.valid[k][t] for k, t in STAGES]
            return float(sum(part.sum() for part in parts))

        return error(after) < error(mixed)

    def left(self) -> float:
        """Mean of log2 of the number of values that the sample's cells hold."""
        pairs = [(self._cells.first[k][t], self._cells.behind[k][t]) for k, t in STAGES]
        return float(np.mean([float(torch.log2((b - a).to(torch.float64)).mean()) for a, b in pairs]))

    def encode_layers(self, layers: Sequence[Layer], side: int, progress: Progress | None = None) -> CodedLayers:
        """Code every tile of `side` cells in all layers."""
        h, w = self.layout.cells
        places = tiles(h, w, side)
        out = CodedLayers({}, torch.zeros(4, h, w, dtype=torch.int32))

        def code(n: int) -> tuple[list[list[bytes]], torch.Tensor]:
            return self._code_tile(Window((places[n][:2],), *places[n][2:]), layers)

        for n, (streams, piece) in enumerate(in_parallel(code, range(len(places)))):
            for layer, stages in enumerate(streams):
                out.substreams |= {(n, layer, stage): data for stage, data in enumerate(stages) if data}
            r, c = places[n][:2]
            out.planes[:, r : r + side, c : c + side] = piece[:, : h - r, : w - c]
            if progress:
                progress("coding", (n + 1) / len(places))
        return out

    def _code_tile(self, window: Window, layers: Sequence[Layer]) -> tuple[list[list[bytes]], torch.Tensor]:
        base = self._base(window)
        cells = Cells(self.companding, base)
        y, valid = self._targets(window, base, IN_PLACE)
        streams, state = [], None
        for layer in layers:
            source = PictureSource(self._rules, cells, y, valid)
            coder = LayerCoder(layer.params, self._rules, cells, source, layer.step == LOSSLESS)
            state = _run(self.ground, window, base, self.companding, layer, self.spread, self.kappa, coder, state)
            coded = [self.coder[EXACT].encode(s, c) for s, c in source.coded]
            streams.append(coded or [write_cuts(r) for r in source.rounds])
        assert state is not None
        return streams, rebuild(state.y, base, self.companding, IN_PLACE).cpu()


def _run(
    ground: TorchGround,
    window: Window,
    base: torch.Tensor,
    companding: TorchCompanding,
    layer: Layer,
    spread: int,
    kappa: int,
    coder: LayerCoder,
    before: State | None,
    count: int = len(STAGES),
) -> State:
    scene = layer_scene(ground, window, base, companding, layer.step, spread, kappa)
    return run_first(scene, coder) if before is None else run_layer(scene, before, coder, count, layer.estimate)


def decode_layers(
    substreams: Mapping[Key, bytes],
    layers: Sequence[Layer],
    depth: Depth,
    spread: int,
    layout: Layout,
    ground: TorchGround,
    recipe: Recipe,
    companding: TorchCompanding,
    tables: Tables,
    kappa: int,
    side: int,
    progress: Progress | None = None,
    chosen: Sequence[int] | None = None,
) -> torch.Tensor:
    """Packed planes int32 (4, h, w) of what is there of the layers. `StreamError` for substreams that don't fit."""
    h, w = layout.cells
    places = tiles(h, w, side)
    coder, rules = SubstreamCoder(tables, EXACT), Rules(tables)

    def tile(n: int) -> torch.Tensor:
        window = Window((places[n][:2],), *places[n][2:])
        base = ground.base(window, recipe, companding)
        cells, state = Cells(companding, base), None
        for number, layer in enumerate(layers):
            own = {s: substreams[n, number, s] for s in range(len(STAGES)) if (n, number, s) in substreams}
            source = StreamSource(coder, own, base.device)
            visitor = LayerCoder(layer.params, rules, cells, source, layer.step == LOSSLESS)
            count = depth.stages(n) if number == len(layers) - 1 else len(STAGES)
            state = _run(ground, window, base, companding, layer, spread, kappa, visitor, state, count)
        assert state is not None
        return rebuild(state.y, base, companding, IN_PLACE).cpu()

    planes = torch.zeros(4, h, w, dtype=torch.int32)
    chosen = range(len(places)) if chosen is None else chosen
    for done, (n, piece) in enumerate(zip(chosen, in_parallel(tile, chosen), strict=True)):
        r, c = places[n][:2]
        planes[:, r : r + side, c : c + side] = piece[:, : h - r, : w - c]
        if progress:
            progress("decoding", (done + 1) / len(chosen))
    return planes
