"""The net of the looks, run by NumPy: a small picture, a look and what is known of the picture in, a bilateral grid of
affine maps out.

::

    display --`base.Base`: closed form, alike everywhere--> --the net's grid, what depends on the place--> display

    96 x 96 x 3, places --3 convs, stride 2--> 12 x 12 x 64 --attention between channels--> conv --> 12 x 12 x 8 x 12
                            ^ scale and offset of the channels: the look's vector,                   x the look's gate
                              exposure, neutral, statistics                                          + doing nothing

The net was trained from nothing on top of the base, and a look's gate, 0 to 1, is what pictures left out of the
training found best: a look is never farther from its program than its base.

HDRNet (Gharbi et al. 2017) has grid and slicing, MetaISP (Souza and Heidrich 2023) one net for several looks by a
vector each, XCiT (El-Nouby et al. 2021) the attention between channels. `codec.training.look_model` is the same with
gradients.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import load_file

from ..isp.cube import Cube
from ..isp.grid import Grid
from ..isp.tone import ToneCurve, filmic
from .base import Base, base_of, measured, statistics

SIDE = 96
"""Of the small picture, whatever its proportions."""

SHAPE = 12, 12, 8
"""Of the grid."""

SHOULDER = 8.0
"""Light that becomes white before a look: three stops of highlights are left for it to show."""

HEADS = 4
LEAK = 0.1
"""Slope of the activation below 0: with none the net died in training, every last channel below 0 for every picture."""

FACTS = np.array([[-1.0, 5.0], [-2.5, 0.5], [-2.5, 0.5]])
"""Exposure in EV, log2 of the neutral's R / G and B / G: strangers are cut to what was trained on."""

NAMES = ("filmic", "film", "pop", "bw", "drc", "libraw")
"""Rows of the table of looks."""

FIXED = {"filmic": 1.0, "film": 1.0, "pop": 1.0, "bw": 1.0, "drc": 1.0, "fixed": 1.0}
"""EV over the RAW's own white, of the programs that don't brighten by themselves; the others start from `Developer`'s
plain rendering."""

WEIGHTS = Path(__file__).with_name("nets") / "looks.safetensors"


def start(name: str, exposure: float) -> float:
    """EV of the picture before a look. exposure: that of the plain rendering."""
    return FIXED.get(name, exposure)


@cache
def base_curve() -> ToneCurve:
    """From light to the display, before a look."""
    return filmic(SHOULDER)


def small_input(light: np.ndarray) -> np.ndarray:
    """Linear sRGB under the plain rendering's exposure, float (h, w, 3), to what the net sees, float32 (SIDE, SIDE, 3);
    by means of areas."""
    shown = base_curve()(light)
    return cv2.resize(shown.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def facts_of(exposure: float, neutral: np.ndarray) -> np.ndarray:
    """What the net is told beside the picture, float64 (3,), within `FACTS`."""
    facts = np.array([exposure, *np.log2(neutral[[0, 2]] / neutral[1])])
    return np.asarray(facts.clip(FACTS[:, 0], FACTS[:, 1]))


@dataclass(frozen=True)
class LookNet:
    """The weights by name, float32."""

    weights: dict[str, np.ndarray]

    @classmethod
    def read(cls, path: Path) -> LookNet:
        """A weights file, float16."""
        return cls({k: v.astype(np.float32) for k, v in load_file(path).items()})

    @classmethod
    @cache
    def shipped(cls) -> LookNet:
        """Those of this version."""
        return cls.read(WEIGHTS)

    def base(self, small: np.ndarray, facts: np.ndarray, name: str) -> Base:
        """The look's closed form. small: as `small_input`, facts: as `facts_of`."""
        return base_of(self.weights, NAMES.index(name), statistics(measured(small, facts), self.weights))

    def maps(self, small: np.ndarray, facts: np.ndarray, name: str) -> tuple[Grid | Cube, ...]:
        """All of a look, in turn."""
        base = self.base(small, facts, name)
        return base.grid, base.cube, self.grid(small, facts, name)

    def grid(self, small: np.ndarray, facts: np.ndarray, name: str) -> Grid:
        """What the net adds behind `base`."""
        w, k = self.weights, NAMES.index(name)
        stats = statistics(measured(small, facts), w)
        told = np.concatenate([w["table"][k], ((facts - FACTS.mean(1)) / 2), stats]).astype(np.float32)
        place = np.linspace(-1, 1, SIDE, dtype=np.float32)
        x = np.stack([*np.moveaxis(small * 2 - 1, -1, 0), *np.meshgrid(place, place, indexing="ij")])
        for i in range(3):
            x = _conv(x, w[f"down{i}.weight"], w[f"down{i}.bias"], 2)
            x = _leaky(_told(x, told, w, f"told{i}"))
        c = x.shape[0]
        x = self._attention(x.reshape(c, -1)).reshape(x.shape)
        pooled = np.concatenate([x.mean((1, 2)), x.max((1, 2))])
        x = _even(x + (w["pooled.weight"] @ pooled + w["pooled.bias"])[:, None, None])
        x = _leaky(_told(_conv(x, w["last.weight"], w["last.bias"], 1), told, w, "told3"))
        maps = np.einsum("oc,chw->hwo", w["head.weight"][:, :, 0, 0], x) + w["head.bias"]
        n, m, d = SHAPE
        return Grid.bounded(maps.reshape(n, m, d, 3, 4) * w["gate"][k] + np.eye(3, 4, dtype=np.float32))

    def _attention(self, x: np.ndarray) -> np.ndarray:
        w, (c, tokens) = self.weights, x.shape
        q, k, v = np.split(w["qkv.weight"] @ _even(x), 3)
        q, k, v = (part.reshape(HEADS, c // HEADS, tokens) for part in (q, k, v))
        q, k = (part / np.maximum(np.sqrt((part**2).sum(-1, keepdims=True)), 1e-6) for part in (q, k))
        share = np.einsum("hct,hdt->hcd", q, k) * w["heat"][:, None, None]
        share = np.exp(share - share.max(-1, keepdims=True))
        share /= share.sum(-1, keepdims=True)
        x = x + w["out.weight"] @ np.einsum("hcd,hdt->hct", share, v).reshape(c, tokens)
        inner = _leaky(w["in1.weight"] @ _even(x) + w["in1.bias"][:, None])
        return np.asarray(x + w["in2.weight"] @ inner + w["in2.bias"][:, None])


def _leaky(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(x, LEAK * x))


def _even(x: np.ndarray) -> np.ndarray:
    """Each place's channels at mean 0 and variance 1."""
    return np.asarray((x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5))


def _told(x: np.ndarray, told: np.ndarray, w: dict[str, np.ndarray], name: str) -> np.ndarray:
    scale, offset = np.split(w[f"{name}.weight"] @ told + w[f"{name}.bias"], 2)
    return np.asarray(x * (1 + scale)[:, None, None] + offset[:, None, None])


def _conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, step: int) -> np.ndarray:
    """3 x 3 over (c, h, w), borders 0."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))[:, ::step, ::step]
    c, h, w = windows.shape[:3]
    flat = windows.transpose(1, 2, 0, 3, 4).reshape(h * w, c * 9)
    return np.asarray((flat @ weight.reshape(len(weight), -1).T + bias).T.reshape(len(weight), h, w))
