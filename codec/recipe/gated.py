"""Side information of a picture that has two guides: the JPEG, and in some blocks the stream's own (`gate`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...bitstream.rect import Rect
from ..guide.activity_kernels import ACTIVITIES
from ..guide.guide import LaidGuide
from ..mosaic.companding import Companding
from ..mosaic.layout import Layout
from .gate import Blocks, Gate
from .recipe import Recipe
from .side import SideInfo, Window

if TYPE_CHECKING:
    from .net import GuideNet


def guided_by(
    jpeg: LaidGuide, gate: Gate | None, layout: Layout, net: GuideNet | None = None, box: Rect | None = None
) -> SideInfo:
    """Side information of a picture with a JPEG and perhaps a gate; net, box: as in `SideInfo`."""
    if gate is None:
        return SideInfo(jpeg, layout, net, box)
    own = gate.guide(layout)
    if gate.blocks is None:
        return SideInfo(own, layout, net, box)
    return GatedSideInfo(SideInfo(jpeg, layout, net, box), SideInfo(own, layout, None, box), gate.blocks)


class GatedSideInfo(SideInfo):
    """Like the JPEG's, which features and recipes are of; but prediction and activity are the own guide's in blocks.

    jpeg, own: of the two guides.
    """

    def __init__(self, jpeg: SideInfo, own: SideInfo, blocks: Blocks) -> None:
        # Not the parent's: nothing is laid out here, all of it is there.
        self.__dict__.update(jpeg.__dict__)
        self.jpeg, self.own, self.blocks = jpeg, own, blocks

    @property
    def of_jpeg(self) -> SideInfo:
        """As in `SideInfo`."""
        return self.jpeg

    @property
    def apart(self) -> tuple[np.ndarray, float] | None:
        """As in `SideInfo`."""
        own, half = self.blocks.own, self.blocks.side // 2
        return np.argwhere(own) * self.blocks.side + half, float(own.mean())

    def guided(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """As in `SideInfo`."""
        return ~self.blocks.at(rows, cols)

    def prediction(self, window: Window, recipe: Recipe, companding: Companding, saturated: bool = True) -> np.ndarray:
        """As in `SideInfo`; recipe: for the JPEG."""
        out = np.empty((len(window.places), 4, window.rows, window.cols), np.int32)
        for n, (place, inside) in enumerate(self._split(window)):
            if not inside.all():
                out[n] = self.jpeg.prediction(place, recipe, companding, saturated)[0]
            if inside.any():
                found = self.own.prediction(place, self.blocks.recipe, companding, saturated)[0]
                out[n][:, inside] = found[:, inside]
        return out

    def activity(self, window: Window) -> np.ndarray:
        """As in `SideInfo`."""
        out = np.empty((len(window.places), ACTIVITIES, window.rows, window.cols), np.int32)
        for n, (place, inside) in enumerate(self._split(window)):
            if not inside.all():
                out[n] = self.jpeg.activity(place)[0]
            if inside.any():
                out[n][:, inside] = self.own.activity(place)[0][:, inside]
        return out

    def _split(self, window: Window) -> list[tuple[Window, np.ndarray]]:
        """The windows one by one, and which of its cells have the own guide, bool (rows, cols)."""
        down, across = np.arange(window.rows)[:, None], np.arange(window.cols)
        return [
            (Window((place,), window.rows, window.cols), self.blocks.at(place[0] + down, place[1] + across))
            for place in window.places
        ]
