"""What all tiles of a stream share: made once of its header and recipe, never changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...bitstream.cell import CellLayout
from ...bitstream.errors import StreamError
from ...bitstream.rect import Rect
from ...bitstream.runtime.forks import cached_property
from ...bitstream.stream.header import Header, unpack_values
from ...bitstream.stream.used import UsedValues
from ..mosaic.companding import Companding
from ..mosaic.layout import Layout, tiles
from ..recipe.recipe import Recipe
from ..stages.coding import Coding


@dataclass(frozen=True)
class Setup:
    """layout: cells of the mosaic; recipe: features to the prediction; coding: of the stages of layer 0; tile_side: in
    cells."""

    layout: Layout
    recipe: Recipe
    coding: Coding
    tile_side: int

    @cached_property
    def places(self) -> list[Rect]:
        """All tiles in cells, as `codec.mosaic.layout.tiles` has them."""
        return tiles(*self.layout.cells, self.tile_side)

    def meeting(self, box: Rect | None) -> list[int]:
        """Numbers of the tiles that a rectangle of cells meets; of all without one."""
        return [n for n, place in enumerate(self.places) if box is None or box.meets(place)]


def layout_of(header: Header, cell: CellLayout | None = None) -> Layout:
    """Cells of the header's mosaic."""
    return Layout(header.height, header.width, header.phase, cell)


def companding_of(header: Header, used: UsedValues | None = None) -> Companding:
    """The header's companding; its black levels by plane. `StreamError` for levels that can't be companded."""
    black = layout_of(header).per_plane(header.levels)
    values: np.ndarray | tuple[np.ndarray, ...] | None
    values = used.planes if used else unpack_values(header.values, header.top) if header.values else None
    try:
        return Companding(
            black, header.white, header.top, header.companding, values, tuple(header.saturation) or (0,) * 8
        )
    except ValueError as error:
        raise StreamError(f"header: {error}") from error
