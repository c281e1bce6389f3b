"""What all tiles of a stream share: made once of its header and recipe, never changed."""

from __future__ import annotations

from dataclasses import dataclass

from ...bitstream.runtime.forks import cached_property
from ..mosaic.layout import Box, Layout, tiles
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
    def places(self) -> list[tuple[int, int, int, int]]:
        """All tiles: row, column, rows and columns in cells, as `codec.mosaic.layout.tiles` has them."""
        return tiles(*self.layout.cells, self.tile_side)

    def meeting(self, box: Box | None) -> list[int]:
        """Numbers of the tiles that a box of cells meets; of all without one."""
        return [n for n, place in enumerate(self.places) if box is None or box.meets(place)]
