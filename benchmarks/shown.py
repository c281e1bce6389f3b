"""Pictures beside the rows, for the report: what a decoded mosaic looks like, where it errs, where its bits went.

::

    DIR/pictures/<file stem>/true.png                                     one crop at 100 %, as shot
    DIR/pictures/<file stem>/<guide or "blind">/<codec>/<setting>/
        decoded.png    the same crop of the decoded mosaic, developed with the true one's levels, colours, exposure
        error.png      errors of the whole picture, on one scale for all
        bits.png       bits of the whole picture (ours), on one scale for all
    DIR/pictures/scale-error.png, scale-bits.png                          the scales as bars, low to high

**Crop.** `WIDTH` x `HEIGHT` samples of the mosaic: of all windows on a grid of `GRID` that are clipped on at most
`CLIPPED` of their samples, the one with the most detail, that is mean absolute difference of neighbouring cells in the
square root of linear light; if all are clipped more, the least clipped one. Developed by `eval.pictures.develop`,
brightened as `eval.edits` says.

**Error map.** Root mean square error of the samples of each block, in DN of a 14-bit range (white - black = 16383), on
the colour map "magma" over log2 from `ERROR_SCALE` low to high: a quarter of a DN black, 1024 DN lightest. Its longest
side is `SIDE` pixels at most. **Bit map.** Bits per sample of each block on "viridis", log2 from `BITS_SCALE` low to
high: 1/64 to 8 bits. All pictures stand upright.

They are kept for the settings nearest to `TARGETS` bits per pixel, and only within an octave, for each codec.
"""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ..bitstream.raw_image import RawImage
from ..bitstream.rect import Rect
from ..bitstream.runtime.files import write_atomically
from ..codec.mosaic.turn import turn
from ..eval.demo import png_bytes
from ..eval.edits import Developer
from ..eval.metrics import normalised
from ..eval.pictures import crop, develop
from .curves import OURS
from .processes import Failed, Processes
from .rows import Row

FOLDER, BLIND = "pictures", "blind"
WIDTH, HEIGHT, GRID, CLIPPED = 640, 480, 64, 0.01
NEAR_WHITE = 0.98  # of the range from black to white: from here on a sample counts as clipped
SIDE = 640
ERROR_SCALE = (-2.0, 10.0)  # log2 of DN, 14 bits
BITS_SCALE = (-6.0, 3.0)  # log2 of bits per sample
ERROR_COLOURS, BITS_COLOURS = "magma", "viridis"
FULL = 16383  # white - black of 14 bits
TARGETS = (0.1, 0.4, 1.5)  # bpp
OCTAVE = 1.0


class Shown:
    """Writes the pictures of a benchmark's folder."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        """folder: DIR. processes: where maps of bits are made."""
        self._root, self._processes = folder / FOLDER, processes
        self._views: dict[str, tuple[Rect, float]] = {}
        for name, colours in (("error", ERROR_COLOURS), ("bits", BITS_COLOURS)):
            bar = np.linspace(0, 1, 512)[None].repeat(16, 0)
            _write(self._root / f"scale-{name}.png", coloured(bar, colours))

    def offer(self, row: Row, raw: RawImage, mosaic: np.ndarray, stream: Path, points: Mapping[str, float]) -> None:
        """Write the pictures of a row if its setting is among those to be shown.

        points: setting -> bpp of all that is known of this codec, file and guide, the row's own included.
        """
        if row["setting"] not in nearest(points):
            return
        true = self._root / Path(row["file"]).stem / "true.png"
        box, exposure = self._view(row["file"], raw)
        if not true.exists():
            _write(true, develop(crop(raw, box), exposure))
        folder = self._folder(row)
        _write(folder / "decoded.png", develop(crop(replace(raw, mosaic=mosaic), box), exposure))
        _write(folder / "error.png", turn(error_map(raw, mosaic), raw.orientation))
        if row["codec"] == OURS and not row["identical"]:
            self._bits(stream, folder / "bits.png", row, raw.orientation)

    def prune(self, head: Row, points: Mapping[str, float]) -> None:
        """Remove the pictures of settings of this codec, file and guide that turned out not to be the nearest."""
        for setting in points.keys() - nearest(points):
            shutil.rmtree(self._folder(head | {"setting": setting}), ignore_errors=True)

    def _folder(self, row: Row) -> Path:
        return self._root / Path(row["file"]).stem / (row["guide"] or BLIND) / row["codec"] / row["setting"]

    def _view(self, file: str, raw: RawImage) -> tuple[Rect, float]:
        """The crop and the exposure of a file, found once."""
        if file not in self._views:
            self._views[file] = most_detailed(raw), Developer(raw).base
        return self._views[file]

    def _bits(self, stream: Path, target: Path, row: Row, orientation: int) -> None:
        """The map of bits, in a process of its own as it decodes the stream once more; a failure is only told."""
        values = stream.with_suffix(".bits.npy")
        command = [sys.executable, "-m", "rawinlay.eval.bitmap", str(stream), "-o", str(values)]
        try:
            self._processes.run("bit map", command)
        except Failed as error:
            print(f"{row['file']} {row['guide']} {row['setting']}: no map of bits: {error}", file=sys.stderr)
            return
        bits = blocks(np.load(values, allow_pickle=False))
        _write(target, turn(coloured(_on_scale(bits, BITS_SCALE), BITS_COLOURS), orientation))


def nearest(points: Mapping[str, float]) -> set[str]:
    """The settings that are nearest to one of `TARGETS`, by ratio, and within an octave of it."""
    out = set()
    for target in TARGETS:
        apart = {setting: abs(math.log2(bpp / target)) for setting, bpp in points.items() if bpp > 0}
        best = min(apart, key=lambda setting: apart[setting], default=None)
        if best is not None and apart[best] <= OCTAVE:
            out.add(best)
    return out


def error_map(raw: RawImage, mosaic: np.ndarray) -> np.ndarray:
    """Where `mosaic` (H, W) errs: uint8 RGB, as the module says."""
    h, w = (n // 2 * 2 for n in mosaic.shape)
    squares = np.empty((h // 2, w // 2), np.float32)
    for top in range(0, h, 512):
        rows = slice(top, min(top + 512, h))
        error = normalised(raw, raw.mosaic[rows, :w]) - normalised(raw, mosaic[rows, :w])
        squares[top // 2 : rows.stop // 2] = np.square(error).reshape(-1, 2, w // 2, 2).mean((1, 3))
    rms = FULL * np.sqrt(blocks(squares))
    return coloured(_on_scale(rms, ERROR_SCALE), ERROR_COLOURS)


def blocks(values: np.ndarray) -> np.ndarray:
    """Means of (h, w) over square blocks, at most `SIDE` along the longer side; a rest at the edges is left out."""
    step = -(-max(values.shape) // SIDE)
    h, w = (n // step for n in values.shape)
    return values[: h * step, : w * step].reshape(h, step, w, step).mean((1, 3))


def coloured(share: np.ndarray, colours: str) -> np.ndarray:
    """[0, 1] (h, w) as uint8 RGB (h, w, 3) of one of matplotlib's colour maps."""
    from matplotlib import colormaps

    return np.asarray(colormaps[colours](np.clip(share, 0, 1), bytes=True))[..., :3]


def _on_scale(values: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    low, high = ends
    return (np.log2(np.maximum(values, 2.0**low)) - low) / (high - low)


def most_detailed(raw: RawImage) -> Rect:
    """The crop, as the module says."""
    h, w = (n // 2 * 2 for n in raw.mosaic.shape)
    height, width = min(HEIGHT, h), min(WIDTH, w)
    greens = raw.cfa.index("G")
    value = np.empty((h // 2, w // 2), np.float32)
    clipped = np.empty((h // 2, w // 2), np.float32)
    for top in range(0, h, 512):
        part = normalised(raw, raw.mosaic[top : min(top + 512, h), :w])
        at = slice(top // 2, (top + len(part)) // 2)
        value[at] = np.sqrt(part[greens // 2 :: 2, greens % 2 :: 2])
        clipped[at] = (part >= NEAR_WHITE).reshape(-1, 2, w // 2, 2).mean((1, 3))
    detail = np.zeros_like(value)
    detail[:, 1:] += np.abs(np.diff(value, axis=1))
    detail[1:] += np.abs(np.diff(value, axis=0))
    best: tuple[tuple[float, float], Rect] | None = None
    for top in range(0, h - height + 1, GRID):
        for left in range(0, w - width + 1, GRID):
            window = np.s_[top // 2 : (top + height) // 2, left // 2 : (left + width) // 2]
            white = float(clipped[window].mean())
            rank = (-max(white, CLIPPED), float(detail[window].mean()))
            if best is None or rank > best[0]:
                best = rank, Rect(top, left, height, width)
    assert best is not None
    return best[1]


def _write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, png_bytes(Image.fromarray(np.ascontiguousarray(picture))))
