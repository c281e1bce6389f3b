"""The pictures beside the rows: which exist, how large, and their addresses as the page may write them.

    pictures/<file stem>/true.png
    pictures/<file stem>/<guide or "blind">/<codec>/<setting>/{decoded,error,bits}.png

Names come from rows, which are not trusted: a name that is no plain file name has no pictures, nor has a link that
leads out of the folder; addresses are quoted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

from ..curves import OURS
from .means import RATES
from .measures import PSNR
from .results import Point, Results

FOLDER, BLIND = "pictures", "blind"
KINDS = ("decoded", "error", "bits")
LARGEST = 1 << 14  # side of a picture that a page should hold


@dataclass(frozen=True)
class Picture:
    """address: relative to the report, quoted."""

    address: str
    width: int
    height: int


@dataclass(frozen=True)
class Shot:
    """The pictures of one measurement; None where one does not exist."""

    point: Point
    decoded: Picture | None
    error: Picture | None
    bits: Picture | None


@dataclass(frozen=True)
class Gallery:
    """All pictures. true: by file. broken: addresses of what is there but is no PNG."""

    true: dict[str, Picture]
    shots: list[Shot]
    broken: list[str]

    def of(self, file: str) -> list[Shot]:
        """The shots of one file, by codec, guide and rate."""
        return [shot for shot in self.shots if shot.point.file == file]

    @property
    def count(self) -> int:
        """How many pictures the page shows."""
        return len(self.true) + sum(bool(getattr(s, kind)) for s in self.shots for kind in KINDS)


def find(folder: Path, results: Results) -> Gallery:
    """The pictures in `folder` (the one of rows.jsonl) that belong to the results, in the report's order of codecs."""
    true, shots, broken = {}, [], []

    def look(*parts: str) -> Picture | None:
        try:
            return _picture(folder, *parts)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            broken.append("/".join(parts))
            return None

    for file in results.files:
        if found := look(Path(file).stem, "true.png"):
            true[file] = found
    order = {codec: k for k, codec in enumerate(results.codecs)}
    for p in sorted(results.points, key=lambda p: (p.file, order[p.codec], p.guide, p.bpp)):
        parts = Path(p.file).stem, p.guide or BLIND, p.codec, p.setting
        kinds = [look(*parts, f"{kind}.png") for kind in KINDS]
        if any(kinds):
            shots.append(Shot(p, *kinds))
    return Gallery(true, shots, broken)


def _picture(folder: Path, *parts: str) -> Picture | None:
    """One picture by the parts of its path; None if there is none. Raises what Pillow does for what is no picture."""
    if any(part in ("", ".", "..") or any(c in part for c in "/\\\0") for part in parts):
        return None
    root = folder / FOLDER
    path = root.joinpath(*parts)
    if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
        return None
    with Image.open(path, formats=["PNG"]) as image:
        width, height = image.size
    if max(width, height) > LARGEST:
        raise ValueError("too large for a page")
    return Picture("/".join(quote(part, safe="") for part in (FOLDER, *parts)), width, height)


def choices(gallery: Gallery) -> list[dict[str, Any]]:
    """For the script: by file what can stand on either side of the slider, and what stands there first.

    That is the true picture, and ours at the rate nearest 0.4 bpp.
    """
    out = []
    for file, true in gallery.true.items():
        sides = [{"label": "true", "group": "", **_source(true)}]
        first, nearest = 1, math.inf
        for shot in gallery.of(file):
            if shot.decoded:
                p = shot.point
                distance = abs(math.log(p.bpp / 0.4))
                if p.codec == OURS and distance < nearest:
                    first, nearest = len(sides), distance
                label = f"{p.codec} · {p.bpp:.3f} bpp · {PSNR.text(p.value(PSNR))} dB"
                sides.append({"label": label, "group": p.guide or "without a guide", **_source(shot.decoded)})
        if len(sides) > 1:
            out.append({"file": file, "first": first, "sides": sides})
    return out


def _source(picture: Picture) -> dict[str, Any]:
    return {"src": picture.address, "width": picture.width, "height": picture.height}


def near_rates(gallery: Gallery, kind: str) -> list[tuple[str, list[tuple[float, list[tuple[Point, Picture]]]]]]:
    """(file, [(rate, [(point, picture)])]): pictures of a kind, each at the rate of `RATES` that is nearest."""
    out = []
    for file in dict.fromkeys(shot.point.file for shot in gallery.shots):
        by_rate: dict[float, list[tuple[Point, Picture]]] = {rate: [] for rate in RATES}
        for shot in gallery.of(file):
            if picture := getattr(shot, kind):
                by_rate[_nearest(shot.point.bpp)].append((shot.point, picture))
        there = [(rate, shots) for rate, shots in by_rate.items() if shots]
        if there:
            out.append((file, there))
    return out


def _nearest(bpp: float) -> float:
    return min(RATES, key=lambda rate: abs(math.log(bpp / rate)))
