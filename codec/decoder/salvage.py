"""What is left of a damaged stream: each tile as far as its substreams are intact, and a map that says how far.

A stage is decoded from all stages before it, so what follows the first lost substream of a tile can't be read. The rest
of a tile comes from what is known by then: recipe, guide, and the means of neighbours that were decoded.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import numpy as np
from PIL import Image

from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.stream.index import Key
from ...bitstream.stream.layers import STAGES
from ..guide.guide import LaidGuide
from ..mosaic.layout import tiles_in_pixels
from ..recipe.gated import guided_by
from ..recipe.side import HALO, Window
from .stream import Stream

WHOLE, RIM, PARTLY, PREDICTED = "whole", "rim", "partly", "predicted"
COLOURS = {WHOLE: (46, 160, 67), RIM: (150, 200, 90), PARTLY: (230, 180, 30), PREDICTED: (200, 40, 40)}
SIDE = 1024
"""Pixels of the map's longer side at most."""


@dataclass(frozen=True)
class TileState:
    """A tile of the mosaic, in its pixels as stored, and what is left of it.

    state: "whole"; "rim": so too, but the second look behind the loop saw what was guessed of a neighbour, in the few
    cells that it reaches across the border (`codec.decoder.post`); "partly": `layers` layers and of the next one
    `stages` stages of 16; "predicted": nothing of it is left, recipe and guide alone say what is there.
    """

    tile: int
    x: int
    y: int
    width: int
    height: int
    state: str
    layers: int
    stages: int


@dataclass(frozen=True)
class Salvage:
    """What could be had of a damaged RAW. notes: what is damaged, a line each; width, height: of the mosaic; layers: of
    the stream."""

    width: int
    height: int
    layers: int
    tiles: tuple[TileState, ...]
    notes: tuple[str, ...]

    @property
    def recovered(self) -> float:
        """Share of the tiles that are decoded: whole, or whole but for the rim."""
        return sum(tile.state in (WHOLE, RIM) for tile in self.tiles) / len(self.tiles)

    @property
    def decoded(self) -> float:
        """Share of the mosaic's values that are decoded: those of whole tiles, and of the others what came before the
        first loss, a layer that is not the last counting as nothing."""

        def share(tile: TileState) -> float:
            if tile.state in (WHOLE, RIM):
                return 1.0
            return tile.stages / STAGES if tile.layers == self.layers - 1 else 0.0

        return sum(t.width * t.height * share(t) for t in self.tiles) / (self.width * self.height)

    def as_json(self) -> dict[str, object]:
        """All of it, for JSON."""
        counts = {state: sum(tile.state == state for tile in self.tiles) for state in COLOURS}
        rows = [asdict(tile) for tile in self.tiles]
        told = {"recovered": self.recovered, "decoded": self.decoded, **counts, "damage": list(self.notes)}
        return {**told, "width": self.width, "height": self.height, "tiles": rows}

    def png(self) -> bytes:
        """The map: a picture of the mosaic as stored, made smaller; green whole, light green but for the rim, yellow
        partly, red predicted."""
        shrink = max(1, -(-max(self.width, self.height) // SIDE))
        picture = np.zeros((-(-self.height // shrink), -(-self.width // shrink), 3), np.uint8)
        for tile in self.tiles:
            rows, cols = (slice(a // shrink, -(-(a + n) // shrink))
                          for a, n in ((tile.y, tile.height), (tile.x, tile.width)))  # fmt: skip
            picture[rows, cols] = COLOURS[tile.state]
        out = io.BytesIO()
        Image.fromarray(picture).save(out, "PNG", optimize=True)
        return out.getvalue()


def without(stream: Stream, lost: Iterable[Key], size: int) -> Stream:
    """A stream, which had `size` bytes, without what follows a lost substream in its tile."""
    cut = dict(stream.cut)
    for tile, layer, stage in lost:
        cut[tile] = min(cut.get(tile, (layer, stage)), (layer, stage))
    far = (stream.layer_count, 0)
    first = {key: d for key, d in stream.substreams.items() if (0, key[1]) < cut.get(key[0], far)}
    finer = {key: d for key, d in stream.finer.items() if key[1:] < cut.get(key[0], far)}
    return replace(stream, substreams=first, finer=finer, cut=cut, size=size)


def unguided(stream: Stream, planes: JpegPlanes, others: JpegPlanes) -> list[int]:
    """Tiles whose side information is not the same under two JPEGs, which differ where nothing is known: what they were
    coded by is not to be had."""
    layout, recipe, companding = stream.layout, stream.recipe, stream.companding
    reach = stream.post.reach if stream.post else 0
    shape = stream.header.height, stream.header.width
    one, other = (
        guided_by(LaidGuide(some, stream.geometry, shape, layout.origin), stream.gate, layout, stream.net())
        for some in (planes, others)
    )
    found = []
    for n, place in enumerate(stream.setup.places):
        window = Window((place[:2],), *place[2:])
        same = np.array_equal(one.activity(window), other.activity(window)) and np.array_equal(
            one.prediction(window, recipe, companding), other.prediction(window, recipe, companding))  # fmt: skip
        near = place.grown(reach + HALO)
        around = np.s_[:, max(0, near.top + HALO) : near.bottom + HALO, max(0, near.left + HALO) : near.right + HALO]
        if not same or (reach and not np.array_equal(one.planes[around], other.planes[around])):
            found.append(n)
    return found


def states(stream: Stream, notes: Iterable[str]) -> Salvage:
    """What a stream of `without` will give."""
    header, found = stream.header, []
    places = tiles_in_pixels(stream.layout, 2 * header.tile)
    guessed = [places[n].grown(2 * stream.post.reach) for n in stream.cut] if stream.post else []
    for n, place in enumerate(places):
        layers, stages = stream.cut.get(n, (stream.layer_count, 0))
        state = WHOLE if n not in stream.cut else PARTLY if layers or stages else PREDICTED
        if state == WHOLE and any(rect.meets(place) for rect in guessed):
            state = RIM
        found.append(TileState(n, *place.xywh, state, layers, stages))
    return Salvage(header.width, header.height, stream.layer_count, tuple(found), tuple(notes))
