"""What all tiles of a stream share: made once of its header and recipe, never changed."""

from __future__ import annotations

from dataclasses import dataclass

from ...bitstream.rect import Rect
from ...bitstream.runtime.forks import cached_property
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
