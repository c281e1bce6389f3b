"""The trunk's decoder on the CPU: tiles of substreams straight into the mosaic, without torch.

::

    tile: Ground --base, activity--> Tile;  16 times: predict --classes--> ANS --symbols--> update;  finish --> mosaic
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...bitstream.runtime.parallel import in_parallel
from ...bitstream.runtime.progress import Progress
from ...entropy.ans import decode_symbols, model_of
from ...entropy.tables import EXACT, TRELLIS, Tables
from ..mosaic.companding import LOSSLESS, Companding
from ..mosaic.layout import Layout, tiles
from ..recipe.recipe import Recipe
from ..recipe.side import Ground, Window
from ..stages.order import STAGES
from ..stages.parameters import Params
from ..stages.tile import Tile

Watch = Callable[[int, int, np.ndarray, np.ndarray], None]
"""Called with tile, stage, symbols int32 and classes uint8 (H, W), from any thread; the arrays are gone afterwards."""


def decode_mosaic(
    substreams: Mapping[tuple[int, int], bytes],
    bases: list[int],
    params: dict[int, Params],
    layout: Layout,
    ground: Ground,
    recipe: Recipe,
    companding: Companding,
    tables: Tables,
    step: int,
    kappa: int,
    states: int,
    side: int,
    progress: Progress | None = None,
    chosen: Sequence[int] | None = None,
    watch: Watch | None = None,
) -> np.ndarray:
    """The mosaic, uint16 (H, W); chosen: numbers of the tiles to decode, all without it; watch: told of each stage.

    Raises `StreamError` where a substream does not fit its classes.
    """
    h, w = layout.cells
    places = tiles(h, w, side)
    exact = step == LOSSLESS
    model = model_of(tables, EXACT if exact else TRELLIS)
    mosaic = np.empty((layout.height, layout.width), np.uint16)

    def decode(n: int) -> None:
        window = Window((places[n][:2],), places[n][2], places[n][3])
        base, activity = ground.base(window, recipe, companding)[0], ground.activity(window)[0]
        tile = Tile(base, activity, companding, tables, bases[n], step, kappa, states, exact)
        for stage in range(len(STAGES)):
            mu, classes = tile.predict(stage, params[bases[n]])
            symbols = decode_symbols(substreams.get((n, stage), b""), classes.reshape(-1), model).reshape(mu.shape)
            if watch:
                watch(n, stage, symbols, classes)
            tile.update(stage, symbols)
        tile.finish(layout, places[n][:2], mosaic)

    chosen = range(len(places)) if chosen is None else chosen
    for n, _ in enumerate(in_parallel(decode, chosen)):
        if progress:
            progress("decoding", (n + 1) / len(chosen))
    return mosaic
