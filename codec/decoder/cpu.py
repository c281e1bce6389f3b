"""Decoding on the CPU, a stream of one layer: tiles of substreams straight into the mosaic, without torch.

::

    tile: SideInfo --prediction, activity--> Tile
          16 times: predict --classes--> ANS --symbols--> update;  finish --> mosaic
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from ...bitstream.runtime.parallel import in_parallel
from ...bitstream.runtime.progress import Progress
from ...entropy.ans import decode_symbols
from ..mosaic.companding import Companding
from ..recipe.recipe import Recipe
from ..recipe.side import Window
from ..stages.order import STAGES
from ..stages.parameters import Params
from ..stages.tile import Tile
from .setup import Setup

Watch = Callable[[int, int, np.ndarray, np.ndarray], None]
"""Called with tile, stage, symbols int32 and classes uint8 (H, W), from any thread; the arrays are gone afterwards."""


class TileSide(Protocol):
    """What is asked of side information (`codec.recipe.side.SideInfo`) for tiles."""

    def prediction(self, window: Window, recipe: Recipe, companding: Companding) -> np.ndarray:
        """As `SideInfo.prediction`."""

    def activity(self, window: Window) -> np.ndarray:
        """As `SideInfo.activity`."""


def decode_mosaic(
    setup: Setup,
    side_info: TileSide,
    params: Mapping[int, Params],
    transforms: Sequence[int],
    substreams: Mapping[tuple[int, int], bytes],
    chosen: Sequence[int],
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> np.ndarray:
    """The mosaic, uint16 (H, W).

    params: by transform; transforms: of each tile; substreams: by (tile, stage); chosen: numbers of the tiles to
    decode; watch: told of each stage. Raises `StreamError` where a substream does not fit its classes.
    """
    layout, companding, model = setup.layout, setup.coding.companding, setup.coding.model
    mosaic = np.empty((layout.height, layout.width), np.uint16)

    def decode(n: int) -> None:
        place = setup.places[n]
        window = Window.of(place)
        prediction = side_info.prediction(window, setup.recipe, companding)[0]
        tile = Tile(prediction, side_info.activity(window)[0], setup.coding, transforms[n])
        for stage in range(len(STAGES)):
            mu, classes = tile.predict(stage, params[transforms[n]])
            symbols = decode_symbols(substreams.get((n, stage), b""), classes.reshape(-1), model).reshape(mu.shape)
            if watch:
                watch(n, stage, symbols, classes)
            tile.update(stage, symbols)
        tile.finish(layout, place[:2], mosaic)

    for done, _ in enumerate(in_parallel(decode, chosen)):
        if progress:
            progress("decoding", (done + 1) / len(chosen))
    return mosaic
