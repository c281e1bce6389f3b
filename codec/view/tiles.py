"""The mosaic of a carrier, decoded tile by tile: what somebody looks at first, the rest meanwhile."""

from __future__ import annotations

import threading

import numpy as np

from ...bitstream.rect import Rect
from ...bitstream.runtime.parallel import cores
from ..carrier import Carrier
from ..decoder.crop import cells_of
from ..mosaic.layout import tiles_in_pixels


class Tiles:
    """mosaic: uint16 (H, W), valid where it was asked for (`need`) or where `fill` has been."""

    def __init__(self, carrier: Carrier) -> None:
        header = carrier.stream.header
        self.carrier = carrier
        self.mosaic = np.zeros((header.height, header.width), np.uint16)
        self._places = tiles_in_pixels(carrier.stream.layout, 2 * header.tile)
        self._missing = set(range(len(self._places)))
        self._count = len(self._missing)
        self._lock = threading.Lock()
        self._urgent = 0
        self._calm = threading.Condition()
        self.stopped = False

    @property
    def done(self) -> float:
        """Share of the tiles that are there."""
        return 1 - len(self._missing) / self._count

    def need(self, top: int, left: int, bottom: int, right: int) -> None:
        """Decode what is missing between these sides, before anything that is only being filled."""
        with self._calm:
            self._urgent += 1
        try:
            part = Rect.between(top, left, bottom, right).within(Rect(0, 0, *self.mosaic.shape))
            self._decode(cells_of(part, self.carrier.stream.layout))
        finally:
            with self._calm:
                self._urgent -= 1
                self._calm.notify_all()

    def fill(self) -> None:
        """Decode all the rest, a few tiles at a time, letting `need` go first. Returns early once `stopped`."""
        setup = self.carrier.stream.setup
        while self._missing and not self.stopped:
            with self._calm:
                while self._urgent:
                    self._calm.wait()
            row = min(self._missing, default=None)
            if row is None:
                return
            run = [row]
            while len(run) < 2 * cores() and run[-1] + 1 in self._missing and _in_a_row(setup.places, run[-1]):
                run.append(run[-1] + 1)
            self._decode(Rect.around([setup.places[n] for n in run]))

    def _decode(self, box: Rect) -> None:
        stream = self.carrier.stream
        with self._lock:
            wanted = [n for n in stream.setup.meeting(box) if n in self._missing]
            if not wanted:
                return
            box = Rect.around([stream.setup.places[n] for n in wanted])  # whole tiles: none is done in part
            found = stream.decode(self.carrier.planes, None, "cpu", box)
            numbers = stream.setup.meeting(box)
            for n in numbers:
                here = self._places[n].slices
                self.mosaic[here] = found[here]
            self._missing.difference_update(numbers)


def _in_a_row(places: list[Rect], n: int) -> bool:
    return places[n].top == places[n + 1].top
