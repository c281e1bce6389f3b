"""The encoder of streams in layers: fit them on samples, then code tile by tile.

::

    sample windows --LayerFitter, layer by layer--> parameters of each, estimated bits
    a tile: layer 0, layer 1 ... --PictureSource--> substreams (tile, layer, stage), and its piece of the mosaic
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...bitstream.runtime.parallel import in_parallel
from ...bitstream.runtime.progress import Progress
from ...bitstream.stream.container import Key
from ...entropy.ans import model_of
from ...entropy.ans_encode import encode_symbols
from ...entropy.binary_encode import write_splits
from ...entropy.tables import EXACT
from ..mosaic.companding import LOSSLESS
from ..mosaic.layout import tiles
from ..recipe.side import Window
from ..refine.intervals import Rules
from ..refine.layer import Layer
from ..refine.tile import LayerTile
from ..stages.order import IN_PLACE, STAGES
from .fit.layers import LayerFitter, PictureSource
from .picture import Area, CpuEncoder


@dataclass
class CodedLayers:
    """A coded picture: substreams by (tile, layer, stage), decoded mosaic uint16 (H, W)."""

    substreams: dict[Key, bytes]
    mosaic: np.ndarray


class LayeredEncoder(CpuEncoder):
    """Codes in layers what `CpuEncoder` codes in one.

    Layers are fitted one after another by `first` and `further`; `encode_layers` codes with them.
    """

    _fitter: LayerFitter

    def first(self, step: int, spread: int = 0) -> Layer:
        """Fit layer 0 to the sample windows; layers from here on count anew.

        spread: how far the steps of every layer's neighbouring stages lie apart, so that quality rises evenly as stage
        follows stage.
        """
        self._rules = Rules(self.tables, self.companding, self.step_exponent)
        steps, areas = self._rules.steps(step, spread), self._areas(range(len(self._sample.places)))
        windows = [LayerTile(area.prediction, area.activity, self._rules, steps) for area in areas]
        pieces = [self._piece(area, IN_PLACE, True) for area in areas]
        self._fitter = LayerFitter(windows, pieces, self._rules, spread)
        return self._fitter.fit(step)

    @property
    def spread(self) -> int:
        """That of `first`."""
        return self._fitter.spread

    def further(self, step: int, keep: bool = True) -> Layer:
        """Fit the next layer; LOSSLESS is the last. keep: False to see what it would be, and go on without it."""
        return self._fitter.fit(step, keep)

    def left(self) -> float:
        """Mean of log2 of the number of values that the sample's cells hold."""
        return self._fitter.left()

    def encode_layers(self, layers: Sequence[Layer], side: int, progress: Progress | None = None) -> CodedLayers:
        """Code every tile of `side` cells in all layers."""
        places = tiles(*self.layout.cells, side)
        steps = [self._rules.steps(layer.step, self.spread) for layer in layers]
        out = CodedLayers({}, np.empty_like(self.mosaic))

        def code(n: int) -> list[list[bytes]]:
            area = self.whole(Window.of(places[n]))
            return self._code_layers(area, layers, steps, out.mosaic)

        for n, streams in enumerate(in_parallel(code, range(len(places)))):
            for layer, stages in enumerate(streams):
                out.substreams |= {(n, layer, stage): data for stage, data in enumerate(stages) if data}
            if progress:
                progress("coding", (n + 1) / len(places))
        cell = self.layout.cell
        return replace(out, mosaic=cell.settled(out.mosaic)) if cell else out

    def _code_layers(
        self, area: Area, layers: Sequence[Layer], steps: Sequence[np.ndarray], mosaic: np.ndarray
    ) -> list[list[bytes]]:
        """A tile's substreams by layer and stage; what they decode to is put into the mosaic."""
        tile = LayerTile(area.prediction, area.activity, self._rules, steps[0])
        source, left = PictureSource(tile, self._piece(area, IN_PLACE, True)), model_of(self.tables, EXACT).left
        out: list[list[bytes]] = []
        for layer, own in zip(layers, steps, strict=True):
            streams = []
            for stage in range(len(STAGES)):
                if out:
                    tile.expect(stage, layer.params, own)
                    streams.append(write_splits(source.rounds(stage, layer.step == LOSSLESS)))
                    tile.reconstruct(stage)
                else:
                    _, classes = tile.predict(stage, layer.params)
                    symbols = source.symbols(stage)
                    streams.append(encode_symbols(symbols.reshape(-1), classes.reshape(-1), left))
                    tile.update(stage, symbols)
            out.append(streams)
        tile.finish(self.layout, (area.row, area.col), mosaic)
        return out
