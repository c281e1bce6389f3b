"""What an encoder of the trunk gives, whatever it runs on, and where it takes its samples.

::

    picture --sample_windows--> some windows --fit at a step--> Fit: parameters, estimated bits
    picture, Fit --encode--> Coded: substreams, transforms, decoded mosaic
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...recipe.side import Window
from ...stages.parameters import Params

SAMPLE_SIDE = 96
"""Side of a sample window in cells."""

LAGRANGIAN = 0.10
"""Worth of a bit in squared steps."""

LEAST_MORE = 3
"""Windows at least that look at what is apart from the rest."""

CLEAR = 0.97
"""Share of sample windows that must agree on a transform for the other not to be tried at all."""


@dataclass
class Fit:
    """Parameters at a step, and what the samples say of it. bits: per site. cost: bits, and the squared error in bits'
    worth, per site. better: the transform that costs less in all."""

    step: int
    params: dict[int, Params]
    bits: float
    cost: float
    better: int = 0


@dataclass
class Coded:
    """A coded picture: substreams by (tile, stage), transform by tile, decoded mosaic uint16 (H, W)."""

    step: int
    substreams: dict[tuple[int, int], bytes]
    transforms: list[int]
    mosaic: np.ndarray

    def sizes(self) -> list[int]:
        """Bytes of each tile's substreams."""
        out = [0] * len(self.transforms)
        for (n, _), data in self.substreams.items():
            out[n] += len(data)
        return out


def sample_windows(h: int, w: int, number: int) -> Window:
    """So many windows spread over h x w cells, fewer where they don't fit in."""
    rows, cols = min(SAMPLE_SIDE, max(2, h // 2 * 2)), min(SAMPLE_SIDE, max(2, w // 2 * 2))
    down = max(1, min(round((number * h / w) ** 0.5), h // rows))
    across = max(1, min(number // down, w // cols))
    places = [
        (round((i + 0.5) * (h - rows) / down) if down > 1 else max(0, h - rows) // 2,
         round((j + 0.5) * (w - cols) / across) if across > 1 else max(0, w - cols) // 2)
        for i in range(down) for j in range(across)
    ]  # fmt: skip
    return Window(tuple(places), rows, cols)


def with_more(windows: Window, wanted: np.ndarray, share: float, h: int, w: int) -> Window:
    """The windows, and some of the same size around cells that they may have missed.

    wanted: rows and columns of such cells, ascending (n, 2); share: of the picture that they stand for.
    """
    count = min(max(LEAST_MORE, round(share * len(windows.places))), len(wanted))
    picked = wanted[((np.arange(count) + 0.5) * len(wanted) / count).astype(np.int64)]
    places = [
        (
            min(max(int(r) - windows.rows // 2, 0), h - windows.rows),
            min(max(int(c) - windows.cols // 2, 0), w - windows.cols),
        )
        for r, c in picked
    ]
    return Window((*windows.places, *places), windows.rows, windows.cols)


def summary(step: int, params: dict[int, Params], rate: np.ndarray, cost: np.ndarray, cells: int) -> Fit:
    """What fits of several transforms to the same windows say together.

    rate, cost: bits of each window (transforms, windows), and with the error in bits' worth; params: of each transform;
    cells: of a window.
    """
    better = np.argmin(cost, 0)
    used = {b: p for i, (b, p) in enumerate(params.items()) if (better == i).mean() > 1 - CLEAR}
    sites = 4 * cells * rate.shape[1]
    bits = float(np.take_along_axis(rate, better[None], 0).sum())
    return Fit(step, used, bits / sites, float(cost.min(0).sum()) / sites, list(params)[int(cost.sum(1).argmin())])
