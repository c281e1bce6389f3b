"""Shots for training: packed mosaic and guide of whole shots in memory, random crops of them on demand.

Shots are `codec.simulator.dataset`'s files; those of `codec.training.render` have the same form. A shot's JPEG lies on
its mosaic site by site, so no alignment is needed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ....bitstream.errors import InputError
from ....bitstream.jpeg.planes import decode_planes
from ....bitstream.raw_image import RawImage
from ....codec.guide.geometry import Geometry
from ....codec.guide.guide import Guide, make_guide
from ....codec.guide.resample import NEUTRAL
from ....codec.mosaic.layout import Layout
from ....codec.simulator.dataset import load_shot
from . import colour_fit
from .planes import compand, guide_of, light_of

FULL = 255 << 4
"""White in the guide's samples (`codec.guide.guide`)."""


@dataclass
class Picture:
    """One shot.

    mosaic: uint16 or int32 (4, h, w), DN; guide: int16 (6, h, w), 4 Y, Cb, Cr, chroma around 0; black: (4,), white: DN;
    fit: `colour_fit.fit`'s.
    """

    name: str
    mosaic: Tensor
    guide: Tensor
    black: Tensor
    white: float
    fit: Tensor | None = None

    def __post_init__(self) -> None:
        if self.fit is None:
            x, planes = self._window(slice(None), slice(None))
            self.fit = colour_fit.fit(x[0], planes[0])

    def _window(self, rows: slice, cols: slice) -> tuple[Tensor, Tensor]:
        light = light_of(self.mosaic[None, :, rows, cols].float(), self.black, torch.tensor(self.white))
        return compand(light), planes_of(self.guide[None, :, rows, cols])

    def crop(self, r: int, c: int, h: int, w: int) -> tuple[Tensor, Tensor]:
        """x (1, 4, h, w) and the fitted guide's planes (1, 7, h, w) of a window, float32."""
        x, planes = self._window(slice(r, r + h), slice(c, c + w))
        assert self.fit is not None
        return x, colour_fit.fitted(planes[0], self.fit)[None]


def planes_of(samples: Tensor) -> Tensor:
    """The net's guide of samples (B, 6, h, w) as `Picture.guide`."""
    v = samples.float() / FULL
    return guide_of(v[:, :4], v[:, 4:5], v[:, 5:6])


def samples_of(guide: Guide) -> Tensor:
    """`Picture.guide` of a codec's guide."""
    y = [guide.y[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return torch.from_numpy(np.stack([*y, guide.cb - NEUTRAL, guide.cr - NEUTRAL]).astype(np.int16))


def picture_of(name: str, raw: RawImage, guide: Guide) -> Picture:
    """A RAW and the guide over it, packed alike."""
    layout = Layout(raw.mosaic.shape[0], raw.mosaic.shape[1], raw.cfa)
    black = torch.tensor(layout.per_plane(raw.black))
    return Picture(name, torch.as_tensor(layout.pack(raw.mosaic)), samples_of(guide), black, float(raw.white))


def load_picture(path: Path) -> Picture:
    """Read a shot; `InputError` as `load_shot`."""
    shot = load_shot(path)
    layout = Layout(shot.raw.mosaic.shape[0], shot.raw.mosaic.shape[1], shot.raw.cfa)
    guide = make_guide(decode_planes(shot.jpeg), Geometry(), shot.raw.mosaic.shape, layout.origin)
    picture = picture_of(path.stem, shot.raw, guide)
    picture.mosaic = picture.mosaic.to(torch.uint16)
    return picture


def load_pictures(folders: Sequence[str], split: str, limit: int = 0, cache: Path | None = None) -> list[Picture]:
    """The shots of a split in all folders, in order of name; `InputError` where there are none.

    cache: a file that keeps them packed, made where it is missing or has other shots.
    """
    paths = sorted(p for folder in folders for p in Path(folder).glob(f"*-{split}.npz"))
    paths.sort(key=lambda p: p.name)
    if not paths:
        raise InputError(
            f"no *-{split}.npz in {', '.join(folders)}: "
            "python -m rawinlay.codec.simulator.dataset makes some"
        )
    paths = paths[:limit] if limit else paths
    names = json.dumps([p.stem for p in paths])
    kept = _read_cache(cache, names) if cache else None
    if kept is None:
        kept = [load_picture(p) for p in paths]
        if cache:
            _write_cache(cache, kept, names)
    return kept


def _write_cache(path: Path, pictures: list[Picture], names: str) -> None:
    tensors: dict[str, Tensor] = {}
    for i, p in enumerate(pictures):
        tensors |= {f"{i}.mosaic": p.mosaic, f"{i}.guide": p.guide, f"{i}.levels": torch.tensor([*p.black, p.white])}
    part = path.with_name(path.name + ".part")
    save_file({n: v.contiguous() for n, v in tensors.items()}, part, {"names": names})
    part.replace(path)


def _read_cache(path: Path, names: str) -> list[Picture] | None:
    try:
        with safe_open(path, "pt") as file:
            if file.metadata()["names"] != names:
                return None
            stems = json.loads(names)
        tensors = load_file(path)
    except (OSError, SafetensorError, KeyError, TypeError):
        return None
    levels = [tensors[f"{i}.levels"] for i in range(len(stems))]
    return [
        Picture(stem, tensors[f"{i}.mosaic"], tensors[f"{i}.guide"], levels[i][:4], float(levels[i][4]))
        for i, stem in enumerate(stems)
    ]


def draw(pictures: list[Picture], crops: int, side: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Random crops of side x side cells, each of a picture of its own choice, mirrored at random.

    Returns x (crops, 4, side, side) and planes (crops, 7, side, side). A mirrored packed picture is no mirrored mosaic,
    but each plane keeps its colour, and a net can't tell.
    """
    xs, guides = [], []
    large = [p for p in pictures if min(p.mosaic.shape[1:]) >= side]
    for i in rng.integers(0, len(large), crops):
        h, w = large[i].mosaic.shape[1:]
        x, planes = large[i].crop(int(rng.integers(0, h - side + 1)), int(rng.integers(0, w - side + 1)), side, side)
        flips = [d for d in (2, 3) if rng.random() < 0.5]
        xs.append(x.flip(flips))
        guides.append(planes.flip(flips))
    return torch.cat(xs), torch.cat(guides)
