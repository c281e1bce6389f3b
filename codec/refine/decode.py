"""Decoding streams in layers: tiles of substreams straight into the mosaic.

::

    a tile: Ground --base, activity--> LayerTile --layer 0--> cells, y_hat --layer 1--> ... --> finish --> mosaic
            of the last layer perhaps its first stages only
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...bitstream.runtime.parallel import in_parallel
from ...bitstream.runtime.progress import Progress
from ...bitstream.stream.container import Key
from ...bitstream.stream.layers import Depth
from ...entropy.ans import decode_symbols, model_of
from ...entropy.binary import CutReader
from ...entropy.tables import EXACT, Tables
from ..mosaic.companding import LOSSLESS, Companding
from ..mosaic.layout import Layout, tiles
from ..recipe.recipe import Recipe
from ..recipe.side import Ground, Window
from ..stages.order import STAGES
from ..stages.parameters import Params
from .intervals import Rules
from .tile import LayerTile


@dataclass(frozen=True)
class Layer:
    """A layer's step index, or `LOSSLESS`, and its parameters.

    estimate: whether stages that are not there are estimated. bits: per site, estimated where the layer was fitted.
    """

    step: int
    params: Params
    estimate: bool = False
    bits: float = 0.0


def decode_layers(
    substreams: Mapping[Key, bytes],
    layers: Sequence[Layer],
    depth: Depth,
    spread: int,
    layout: Layout,
    ground: Ground,
    recipe: Recipe,
    companding: Companding,
    tables: Tables,
    kappa: int,
    side: int,
    progress: Progress | None = None,
    chosen: Sequence[int] | None = None,
) -> np.ndarray:
    """The mosaic, uint16 (H, W), of what is there of the layers.

    chosen: numbers of the tiles to decode, all without it. Raises `StreamError` where a substream does not fit.
    """
    places = tiles(*layout.cells, side)
    rules = Rules(tables, companding, kappa)
    steps = [rules.steps(layer.step, spread) for layer in layers]
    mosaic = np.empty((layout.height, layout.width), np.uint16)

    def decode(n: int) -> None:
        window = Window((places[n][:2],), *places[n][2:])
        base, activity = ground.base(window, recipe, companding)[0], ground.activity(window)[0]
        tile = LayerTile(base, activity, rules, steps[0])
        for number, layer in enumerate(layers):
            own = {s: substreams.get((n, number, s), b"") for s in range(len(STAGES))}
            if number:
                count = depth.stages(n) if number == len(layers) - 1 else len(STAGES)
                _refine(tile, own, layer, steps[number], count)
            else:
                _first(tile, own, layer.params, tables)
        tile.finish(layout, places[n][:2], mosaic)

    chosen = range(len(places)) if chosen is None else chosen
    for n, _ in enumerate(in_parallel(decode, chosen)):
        if progress:
            progress("decoding", (n + 1) / len(chosen))
    return mosaic


def _first(tile: LayerTile, substreams: Mapping[int, bytes], params: Params, tables: Tables) -> None:
    """Layer 0."""
    model = model_of(tables, EXACT)
    for stage in range(len(STAGES)):
        mu, classes = tile.predict(stage, params)
        tile.update(stage, decode_symbols(substreams[stage], classes.reshape(-1), model).reshape(mu.shape))


def _refine(tile: LayerTile, substreams: Mapping[int, bytes], layer: Layer, steps: np.ndarray, count: int) -> None:
    """A further layer, of which the first `count` stages are there."""
    deep = layer.step == LOSSLESS
    for stage in range(len(STAGES) if layer.estimate else count):
        tile.expect(stage, layer.params, steps)
        if stage < count:
            reader = CutReader(substreams[stage])
            tile.cut(stage, deep, reader.read)
            reader.finish()
        tile.settle(stage)
