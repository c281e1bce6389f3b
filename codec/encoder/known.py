"""What the encoder knows of the tiles already when it decodes its stream again: their prediction and activity.

Both follow from the JPEG, the geometry and the recipe alone, and took a third of the time that coding took. The check
takes them over only if the stream, as it was parsed, has the very recipe they were made by, and some pieces of them,
made anew as a decoder makes them, are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.rect import Rect
from ..decoder.stream import Stream
from ..guide.guide import LaidGuide
from ..mosaic.companding import Companding
from ..recipe.gated import guided_by
from ..recipe.recipe import Recipe
from ..recipe.side import Window
from .gate_writer import gate_bytes
from .picture import Area

SIDE, PIECES = 48, 3
"""Side in cells of the pieces that are made anew, and how many."""


@dataclass(frozen=True)
class Known:
    """Side information of tiles, as a decoder asks for it (`SideInfo`); areas: by their windows."""

    areas: Mapping[Window, Area]

    def prediction(self, window: Window, recipe: Recipe, companding: Companding, saturated: bool = True) -> np.ndarray:
        """As in `SideInfo`, whatever the recipe: `known` has seen to that."""
        return self.areas[window].prediction[None]

    def activity(self, window: Window) -> np.ndarray:
        """As in `SideInfo`."""
        return self.areas[window].activity[None]


def known(areas: Mapping[Window, Area], made_by: Stream, parsed: Stream, planes: JpegPlanes) -> Known | None:
    """The areas, for decoding `parsed`, which was read from the bytes of `made_by`; None where they don't do for it."""
    windows = [Window.of(place) for place in parsed.setup.places]
    if parsed.recipe.learned or parsed.post or not windows or any(window not in areas for window in windows):
        return None
    if not _alike(made_by, parsed):
        raise AssertionError("the stream does not say what it was made by: please report this picture")
    for n in range(min(PIECES, len(windows))):
        area = areas[windows[n * (len(windows) - 1) // max(PIECES - 1, 1) if len(windows) > PIECES else n]]
        if not _anew(area, parsed, planes):
            raise AssertionError("what the JPEG says of the RAW is not the same twice: please report this picture")
    return Known(areas)


def _alike(one: Stream, other: Stream) -> bool:
    """Whether two streams have the same recipe, geometry, levels and gate."""
    a, b = one.recipe, other.recipe
    same = np.array_equal(a.whole(), b.whole()) and one.cell == other.cell
    same &= (a.local is None) == (b.local is None) and (a.look is None) == (b.look is None)
    if a.local and b.local:
        same &= a.local.side == b.local.side and np.array_equal(a.local.whole, b.local.whole)
    if a.look and b.look:
        same &= a.look.to_bytes() == b.look.to_bytes()
    same &= (one.gate is None) == (other.gate is None)
    if one.gate and other.gate:
        same &= gate_bytes(one.gate) == gate_bytes(other.gate)
    return bool(same and one.header == other.header and one.geometry == other.geometry)


def _anew(area: Area, stream: Stream, planes: JpegPlanes) -> bool:
    """Whether a piece in the middle of an area is what a decoder makes of it."""
    rows, cols = area.prediction.shape[1:]
    side_rows, side_cols = min(SIDE, rows), min(SIDE, cols)
    top, left = (rows - side_rows) // 4 * 2, (cols - side_cols) // 4 * 2
    header, layout = stream.header, stream.layout
    place = Rect(area.row + top, area.col + left, side_rows, side_cols)
    guide = LaidGuide(planes, stream.geometry, (header.height, header.width), layout.origin, stream.cell)
    side_info = guided_by(guide, stream.gate, layout, None, place)
    window, cut = Window.of(place), np.s_[:, top : top + side_rows, left : left + side_cols]
    prediction = side_info.prediction(window, stream.recipe, stream.companding)[0]
    activity = side_info.activity(window)[0]
    return np.array_equal(prediction, area.prediction[cut]) and np.array_equal(activity, area.activity[cut])
