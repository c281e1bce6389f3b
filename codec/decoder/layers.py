"""Decoding streams in layers: tiles of substreams straight into the mosaic.

::

    a tile: SideInfo --prediction, activity--> LayerTile --layer 0--> cells, y_hat --layer 1--> .. --> finish --> mosaic
            of the last layer perhaps its first stages only
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...bitstream.runtime.parallel import in_parallel
from ...bitstream.runtime.progress import Progress
from ...bitstream.stream.container import Key
from ...bitstream.stream.layers import Depth
from ...entropy.ans import decode_symbols, model_of
from ...entropy.binary import SplitReader
from ...entropy.tables import EXACT, Tables
from ..mosaic.companding import LOSSLESS
from ..recipe.side import Window
from ..refine.intervals import Rules
from ..refine.layer import Layer
from ..refine.tile import LayerTile
from ..stages.order import STAGES
from ..stages.parameters import Params
from .cpu import TileSide
from .setup import Setup


def decode_layers(
    setup: Setup,
    side_info: TileSide,
    layers: Sequence[Layer],
    depth: Depth,
    spread: int,
    substreams: Mapping[Key, bytes],
    chosen: Sequence[int],
    progress: Progress | None = None,
) -> np.ndarray:
    """The mosaic, uint16 (H, W), of what is there of the layers.

    chosen: numbers of the tiles to decode. Raises `StreamError` where a substream does not fit.
    """
    layout, places, coding = setup.layout, setup.places, setup.coding
    rules = Rules(coding.tables, coding.companding, coding.exponent)
    steps = [rules.steps(layer.step, spread) for layer in layers]
    mosaic = np.empty((layout.height, layout.width), np.uint16)

    def decode(n: int) -> None:
        window = Window.of(places[n])
        prediction = side_info.prediction(window, setup.recipe, coding.companding)[0]
        tile = LayerTile(prediction, side_info.activity(window)[0], rules, steps[0])
        for number, layer in enumerate(layers):
            count = depth.of(n, number, len(layers) - 1)
            if count is None:
                break
            own = {s: substreams.get((n, number, s), b"") for s in range(len(STAGES))}
            if number:
                _refine(tile, own, layer, steps[number], count)
            else:
                _first(tile, own, layer.params, coding.tables)
        tile.finish(layout, places[n][:2], mosaic)

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
    lossless = layer.step == LOSSLESS
    for stage in range(len(STAGES) if layer.estimate else count):
        tile.expect(stage, layer.params, steps)
        if stage < count:
            reader = SplitReader(substreams[stage])
            tile.split(stage, lossless, reader.read)
            reader.finish()
        tile.reconstruct(stage)
