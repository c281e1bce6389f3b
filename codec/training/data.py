"""Shots as training wants them: guide, mosaic and weights of a whole picture in memory, crops of it on demand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import pad

from ...bitstream.jpeg.planes import decode_planes
from ..guide.geometry import Geometry
from ..guide.guide import make_guide
from ..mosaic.layout import Layout
from ..recipe import net as guide_net
from ..recipe.features import BASIC
from ..recipe.features_torch import features, radius_squared
from ..recipe.net import BLUR
from ..recipe.side import NEUTRAL
from ..simulator.dataset import load_shot

EDGE = guide_net.REACH
"""Cells around a crop that the net looks at."""

OFFSET = 0.03
"""Light below which the weight of an error stays even, as in `codec.recipe.recipe.fit`."""

FIT_CELLS, ROWS = 24_000, 16


@dataclass
class Picture:
    """One shot in packed form.

    planes: the guide, int16 (6, h + 6, w + 6); pooled: float32 (INPUTS, h / 8, w / 8); target: the mosaic in shares
    of white - black, float32 (4, h, w); weight: of a cell's error in the readout, float32 (h, w).
    """

    name: str
    planes: torch.Tensor
    pooled: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor

    def to(self, device: torch.device) -> Picture:
        """The picture on a device."""
        return Picture(self.name, *(v.to(device) for v in (self.planes, self.pooled, self.target, self.weight)))

    def hand_made(self, r: int, c: int, rows: int, cols: int) -> torch.Tensor:
        """The hand-made features of a crop, float64 (features, rows * cols)."""
        v = self.planes[:, r + EDGE - 1 : r + EDGE + 1 + rows, c + EDGE - 1 : c + EDGE + 1 + cols].to(torch.int32)
        h, w = self.target.shape[1:]
        radius = radius_squared((r, r + rows), (c, c + cols), h, w).to(v.device)
        return features(v[:4], v[4], v[5], radius)


def load_picture(path: Path) -> Picture:
    """Read a shot; `InputError` as `load_shot`."""
    shot = load_shot(path)
    raw = shot.raw
    layout = Layout(raw.mosaic.shape[0], raw.mosaic.shape[1], raw.cfa)
    guide = make_guide(decode_planes(shot.jpeg), Geometry(), raw.mosaic.shape, layout.origin)
    y = torch.from_numpy(guide.y.astype(np.int16))
    chroma = torch.from_numpy(np.stack([guide.cb - NEUTRAL, guide.cr - NEUTRAL]).astype(np.int16))
    planes = torch.cat([torch.stack([y[i::2, j::2] for i in (0, 1) for j in (0, 1)]), chroma])
    black = torch.tensor(layout.per_plane(raw.black), dtype=torch.float64)[:, None, None]
    span = raw.white - sum(raw.black) / 4
    target = ((torch.from_numpy(layout.pack(raw.mosaic)).double() - black) / span).float()
    pooled = guide_net.means(planes)
    edged = pad(planes[None].float(), (EDGE,) * 4, mode="replicate")[0].to(torch.int16)
    picture = Picture(path.stem, edged, pooled, target, torch.ones_like(target[0]))
    picture.weight = _weights(picture)
    return picture


def _weights(picture: Picture) -> torch.Tensor:
    """Weights of the recipe's robust fit, from hand-made features alone, averaged over the planes."""
    h, w = picture.target.shape[1:]
    phi = torch.cat([picture.hand_made(r, 0, min(ROWS, h - r), w)[:BASIC] for r in range(0, h, ROWS)], 1)
    x = picture.target.reshape(4, -1).double()
    pick = torch.from_numpy(np.random.default_rng(0).choice(h * w, min(h * w, FIT_CELLS), replace=False))
    weight = torch.ones(1, h * w, dtype=torch.float64)
    for _ in range(3):
        some, aim = phi[:, pick] * 1.0, x[:, pick]
        # the fitted planes of all cells, from the readout of some
        hw = some * weight[:, pick]
        gram = hw @ some.T
        unit = 1.0 / torch.sqrt(gram.diagonal() + 1e-6)
        gram = gram * unit[:, None] * unit + 1e-6 * torch.eye(len(gram), dtype=gram.dtype)
        c = torch.linalg.solve(gram, (hw @ aim.T) * unit[:, None]) * unit[:, None]
        fitted = c.T @ phi
        e = fitted - x
        scale = e[:, pick].abs().median(1, keepdim=True).values / 0.6745 + 1e-6
        weight = (1.0 / (fitted.clamp(min=0) + OFFSET) / (1 + (e / (3 * scale)) ** 2)).mean(0, keepdim=True)
    return weight.reshape(h, w).float()


@dataclass
class Batch:
    """Crops: C of each of S pictures. All sides in cells.

    x: (S * C, INPUTS, h + 6, w + 6); pooled: of each picture; places: (S, C, 2); root: the root of the readout's
    weight, float64 (S, 1, C h w); hand: the hand-made features times root, float64 (S, features, C h w); target: the
    mosaic times root, float64 (S, 4, C h w).
    """

    x: torch.Tensor
    pooled: list[torch.Tensor]
    places: np.ndarray
    hand: torch.Tensor
    target: torch.Tensor
    root: torch.Tensor


def draw(pictures: list[Picture], crops: int, side: int, rng: np.random.Generator) -> Batch:
    """Random crops of each picture, as a `Batch`."""
    places = np.array(
        [
            [[BLUR * rng.integers(0, (n - side) // BLUR + 1) for n in p.target.shape[1:]] for _ in range(crops)]
            for p in pictures
        ]
    )
    xs, hands, targets, weights = [], [], [], []
    for p, own in zip(pictures, places, strict=True):
        cut = [(slice(r, r + side), slice(c, c + side)) for r, c in own]
        xs += [guide_net.inputs(p.planes[:, r : r + side + 2 * EDGE, c : c + side + 2 * EDGE]) for r, c in own]
        root = torch.cat([p.weight[i, j].reshape(1, -1) for i, j in cut], 1).double().sqrt()
        weights.append(root)
        hands.append(torch.cat([p.hand_made(r, c, side, side) for r, c in own], 1).mul_(root))
        targets.append(torch.cat([p.target[:, i, j].reshape(4, -1) for i, j in cut], 1).mul(root))
    return Batch(
        torch.stack(xs), [p.pooled for p in pictures], places, torch.stack(hands), torch.stack(targets),
        torch.stack(weights),
    )  # fmt: skip
