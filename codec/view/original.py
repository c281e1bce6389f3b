"""The RAW that a JPEG's RAW was made of, where it lies beside: true against decoded, in the same places."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass

import numpy as np

from ...bitstream.errors import InputError
from ...bitstream.raw_image import RawImage
from ..isp.develop import Developer
from ..isp.planes import Part, planes
from ..isp.settings import Settings
from .folder import Folder, kind_of
from .picture import Picture

SIDE = 1024
"""Longest side of what SSIMULACRA2 is asked about: it takes a second a megapixel."""

WORST = 0.02
"""Error in the root of light that is shown as white, twice what noise at ISO 1600 is in the middle of the range."""


@dataclass(frozen=True)
class Original:
    """raw: the file's mosaic; name: the file; same: its digest is the one that the stream names, None where the stream
    names none."""

    raw: RawImage
    name: str
    same: bool | None

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""
        return int(self.raw.mosaic.nbytes)


def beside(folder: Folder, name: str) -> list[str]:
    """Names of RAWs in a carrier's folder whose stem is its own, or begins it: IMG_1.NEF of IMG_1-raw.jpg, the longest
    stem first."""
    before, _, last = name.rpartition("/")
    stem = os.path.splitext(last)[0].casefold()
    root = folder.path(name).parent
    try:
        names = sorted(os.listdir(root))
    except OSError:
        return []
    found = []
    for other in names:
        own = os.path.splitext(other)[0].casefold()
        if kind_of(other) == "raw" and (own == stem or (stem.startswith(own) and stem[len(own)] in ".-_ ")):
            found.append(f"{before}/{other}".lstrip("/"))
    return sorted(found, key=lambda n: -len(n))


def found(folder: Folder, name: str, picture: Picture) -> Original | None:
    """The original of a carrier; None where none lies beside. InputError where the one that does can't be read."""
    from ..source.raw import read_raw

    assert picture.raw is not None and picture.carrier is not None
    digests = picture.carrier.stream.files
    wanted = digests.raw if digests else b""
    for other in beside(folder, name):
        data = folder.read(other)
        same = hashlib.sha256(data).digest() == wanted if wanted else None
        raw = read_raw(data)
        if same or (raw.mosaic.shape == picture.raw.mosaic.shape and raw.cfa == picture.raw.cfa):
            return Original(raw, other, same)
    return None


def true_planes(original: Original, picture: Picture, part: Part, light: Settings) -> np.ndarray:
    """As `Picture.of_raw`, of the original's mosaic, under the levels and colours of the decoded one."""
    developer = Developer(original.raw, picture.plain.rendering)
    return planes(developer, picture.plain.neutral(light), part)


def error_map(original: Original, picture: Picture, part: Part) -> np.ndarray:
    """How far the decoded values are off, uint8 (rows, cols, 3): black for none, through red and yellow to white; in
    the root of light, in which noise is about even, the largest of each pixel's sites."""
    true, ours = _roots(original.raw, part), _roots(decoded(picture, part), part)
    off = np.abs(true - ours)
    rows, cols = part.rows * part.step, part.cols * part.step
    off = np.pad(off, ((0, rows - off.shape[0]), (0, cols - off.shape[1])))
    off = off.reshape(part.rows, part.step, part.cols, part.step).max((1, 3))
    heat = np.sqrt(np.clip(off / WORST, 0, 1))[..., None] * 3 - np.arange(3)
    return np.rint(255 * np.clip(heat, 0, 1)).astype(np.uint8)


def measured(original: Original, raw: RawImage, part: Part) -> dict[str, float | int | bool | None]:
    """raw: decoded there. psnr: of the part, dB in linear light over white - black, None where nothing differs;
    largest: DN; same: whether every value is."""
    top, left, bottom, right = part.sites
    at = np.s_[top:bottom, left:right]
    apart = original.raw.mosaic[at].astype(np.int64) - raw.mosaic[at]
    true, ours = (np.clip(_light(r, part), 0, 1) for r in (original.raw, raw))
    squares = float(np.mean((true - ours) ** 2))
    return {
        "psnr": -10 * math.log10(squares) if squares else None, "largest": int(np.abs(apart).max(initial=0)),
        "same": not apart.any(),
    }  # fmt: skip


def similarity(first: np.ndarray, second: np.ndarray) -> float | None:
    """SSIMULACRA2 of two developed parts, uint8 (h, w, 3), of their middle where they are large; None where the package
    is not installed."""
    try:
        from ssimulacra2 import compute_ssimulacra2  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        return None
    import tempfile

    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, picture in (("a", first), ("b", second)):
            rows, cols = (max(0, (n - SIDE) // 2) for n in picture.shape[:2])
            names.append(os.path.join(folder, name + ".png"))
            Image.fromarray(picture[rows : rows + SIDE, cols : cols + SIDE]).save(names[-1])
        return float(compute_ssimulacra2(*names))


def decoded(picture: Picture, part: Part) -> RawImage:
    """A carrier's RAW, decoded at a part at least."""
    if picture.raw is None or picture.tiles is None:
        raise InputError("it carries no RAW")
    picture.tiles.need(*part.sites)
    return picture.raw


def _light(raw: RawImage, part: Part) -> np.ndarray:
    """Light of the sites of a part, 0 black, 1 white, float64."""
    top, left, bottom, right = part.sites
    value = raw.mosaic[top:bottom, left:right].astype(np.float64)
    for site, black in enumerate(raw.black):
        at = np.s_[site // 2 :: 2, site % 2 :: 2]
        value[at] = (value[at] - black) / (raw.white - black)
    return value


def _roots(raw: RawImage, part: Part) -> np.ndarray:
    return np.sqrt(np.clip(_light(raw, part), 0, 1))
