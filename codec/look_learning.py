"""`look learn`: a look of the user's own from pairs of a RAW and a picture of it, in closed form.

::

    RAW, JPEG of one name --place of the JPEG over the mosaic--> its colours at blocks of the mosaic --.
    RAW --each start: plain, the net's looks--> display at the same blocks ----------------------------+--> `own.learn`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..bitstream.errors import InputError, RawinlayError, UsageError
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.raw_image import RawImage
from ..bitstream.runtime.files import read_file
from .align.place import place
from .develop import SMALL, laid_display
from .isp.develop import Developer, plain_rendering
from .isp.settings import Settings
from .looks import chosen, own
from .looks.net import base_curve, start
from .source.endings import JPEG_SUFFIXES, SIDECAR_SUFFIXES
from .source.raw import read_raw

STARTS = (*own.STARTS, "filmic", "film", "pop")
"""From where a look is tried."""

MOST_PAIRS = 100


@dataclass(frozen=True)
class Learned:
    """path: of the look's file; start: what it is built on; pairs: how many it was made of; psnr: dB on pairs left out;
    warnings: one line each, pairs that were left aside."""

    path: Path
    start: str
    pairs: int
    psnr: float
    warnings: list[str]


def learn_look(name: str, folder: Path, told: Callable[[float], object] = lambda share: None) -> Learned:
    """Learn a look from the pairs of a folder, RAW and JPEG of the same name, and keep it under a name.

    UsageError for a name that can't be, InputError for a folder without pairs.
    """
    own.check_name(name, (chosen.CAMERA, chosen.PLAIN, *chosen.SHIPPED))
    pairs = pairs_of(folder)
    examples, warnings = [], []
    for k, (raw, jpeg) in enumerate(pairs[:MOST_PAIRS]):
        told(k / len(pairs))
        try:
            examples.append(example(read_raw(raw), read_file(jpeg, "picture")))
        except RawinlayError as error:
            warnings.append(f"{raw.name} was left aside: {error}")
    if not examples:
        raise InputError(f"{folder}: no pair could be used; the first: {warnings[0]}")
    look, psnr = own.learn(examples)
    return Learned(own.store(name, look), look.start, len(examples), psnr, warnings)


def pairs_of(folder: Path) -> list[tuple[Path, Path]]:
    """RAWs and JPEGs of one name, whatever the RAW's ending; sidecars of editors are none."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    jpegs = {path.stem: path for path in files if path.suffix.lower() in JPEG_SUFFIXES}
    others = (path for path in files if path.suffix.lower() not in (*JPEG_SUFFIXES, *SIDECAR_SUFFIXES))
    pairs = [(path, jpegs[path.stem]) for path in others if path.stem in jpegs]
    if not pairs:
        raise InputError(f"{folder}: no RAW with a JPEG of the same name")
    return pairs


def example(raw: RawImage, jpeg: bytes) -> own.Example:
    """A pair as `own.learn` has it; InputError where the JPEG shows something else."""
    picture = Jpeg(jpeg)
    geometry = place(raw, picture.planes, picture).geometry
    plain = plain_rendering(raw)
    developer = Developer(raw, plain)
    light = developer.small(Settings(), SMALL)
    display = laid_display(raw, jpeg, geometry, (light.shape[0], light.shape[1]))
    if display is None:
        raise UsageError("the picture can't be shown in colours")
    seen = np.isfinite(display).all(-1)
    return own.Example({k: v[seen][None] for k, v in starts(developer, light).items()}, display[seen][None])


def starts(developer: Developer, light: np.ndarray) -> dict[str, np.ndarray]:
    """What each start makes of small light under the plain rendering's exposure, display (h, w, 3)."""
    exposure = plain_rendering(developer.raw).exposure
    found = {}
    for name in STARTS:
        base = base_curve()(light * np.float32(2.0 ** (start(name, exposure) - exposure)))
        for grid in () if name in own.STARTS else chosen.maps(light, exposure, developer.light.neutral, name):
            base = grid(base)
        found[name] = base
    return found
