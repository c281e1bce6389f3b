"""What other rates would leave: a carrier's layers cut short, or a RAW encoded anew; both as planes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...bitstream.errors import UsageError
from ...bitstream.jpeg.carried import carried_stream
from ...bitstream.jpeg.further import share_of, sizes
from ...bitstream.stream.layers import shorten
from ..carrier import Carrier
from ..decoder.stream import Stream
from ..isp.develop import Developer
from ..isp.planes import Part, planes
from ..isp.sensor import Bayer
from ..isp.settings import Settings
from .picture import Picture
from .tiles import Tiles


class Shorter:
    """A carrier trimmed to `size` bytes, as far as one looks; nothing is written. UsageError as `trim` raises it."""

    def __init__(self, carrier: Carrier, size: int) -> None:
        file = carrier.jpeg
        if carrier.stream.layers is None:
            raise UsageError("its RAW has one layer only: encode it with --trimmable to lower the rate later")
        share, payload = share_of(file.superbox), carried_stream(file)
        self.grown = file.grown
        stream = carrier.stream
        if self.grown > size:
            growth = sizes(file.growth, share)
            payload, _ = shorten(payload, size, growth)
            stream, self.grown = Stream.from_bytes(payload), growth(payload)
        self.lossless = stream.lossless
        self.tiles = Tiles(replace(carrier, stream=stream))

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""
        return self.tiles.mosaic.nbytes


def at_another_rate(tiles: Tiles, picture: Picture, part: Part, light: Settings) -> np.ndarray:
    """As `Picture.of_raw`, of a mosaic that is decoded from another stream."""
    plain, (top, left, bottom, right) = picture.plain, part.sites
    if isinstance(plain.sensor, Bayer) and not plain.raw.levels:
        tiles.need(top - 8, left - 8, bottom + 8, right + 8)
    else:
        tiles.need(0, 0, *tiles.mosaic.shape)  # demosaicked as a whole
    if tiles.mosaic.shape != plain.raw.mosaic.shape:
        raise UsageError("it is of another size")
    return planes(Developer(replace(plain.raw, mosaic=tiles.mosaic), plain.rendering), plain.neutral(light), part)
