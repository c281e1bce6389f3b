"""Learned features of the guide: a small convolutional net in whole numbers, exact on every machine.

::

    guide Y (4 sites), Cb, Cr, linearised Y of a cell: 10 inputs of 10 bits around zero
      |
      |-- means of 8x8 cells --low1--low2--low3--> 24 --between cells, linearly--> 24 --join--.
      |                                                                                        v
      '------------------------------------------------------- first --> 32 --second--------> (+) --> 32 --third--> 32
                                                                                                |              |
                                                                                                '------last----'--> 24

======  ===========  ========  ======  ========  =====  ================
layer   inputs       outputs   kernel  dilation  shift  MAC a cell
======  ===========  ========  ======  ========  =====  ================
low1    10           24        3x3     1         10     2160 / 64
low2    24           24        3x3     2         8      5184 / 64
low3    24           24        3x3     4         8      5184 / 64
first   10           32        3x3     1         10     2880
second  32           32        3x3     1         8      9216
join    24           32        1x1               8      768
third   32           32        3x3     1         8      9216
last    32 + 32      24        1x1               7      1536
======  ===========  ========  ======  ========  =====  ================

A layer is ``(sum of weight and input + bias) >> shift``, clipped to 0..255 but in ``last``; ``second`` and ``join`` are
added before the shift. Weights are int8, biases int32. Every sum of absolute products stays below 2^24, so float32
matrix products give whole numbers in whatever order they add up. Convolutions are sums of shifted matrix products:
library convolutions may use transforms (Winograd, FFT) that round. In all 5.9 kMAC a pixel of the mosaic.

The weights, a file of `codec/recipe/nets`, are one tensor NAME.weight, int8 (outputs, inputs, rows, columns), and one
NAME.bias, int32 (outputs,), for each layer. The file's SHA-256 begins with the net's identity, its name.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch.nn.functional import pad

from ...bitstream.errors import InputError
from ...bitstream.runtime.registry import identity_of
from . import net_weights as files
from .features import TABLES
from .net_weights import COUNT

TOP = 255
"""Largest activation."""

WEIGHT_LIMIT = 127
EXACT = 1 << 24
"""Whole numbers below this are exact in float32."""

INPUTS = 10
INPUT_LIMIT = 512
BLUR = 8
"""Cells whose mean the low layers see as one."""

BETWEEN = 2 * BLUR
LOW, WIDE = 24, 32
REACH = 3
"""Cells around a window that its features look at, beside the means."""

_LINEAR = torch.from_numpy(TABLES[0].astype(np.int32))
STRIP = 8 * BLUR
BLOCK = 128


@dataclass(frozen=True)
class Layer:
    """Shape of a layer. side: of the kernel; reach: bound of the inputs; bounded: clipped to 0..TOP."""

    inputs: int
    outputs: int
    side: int
    shift: int
    dilation: int = 1
    reach: int = TOP
    bounded: bool = True


LAYERS = {
    "low1": Layer(INPUTS, LOW, 3, 10, reach=INPUT_LIMIT),
    "low2": Layer(LOW, LOW, 3, 8, 2),
    "low3": Layer(LOW, LOW, 3, 8, 4),
    "first": Layer(INPUTS, WIDE, 3, 10, reach=INPUT_LIMIT),
    "second": Layer(WIDE, WIDE, 3, 8),
    "join": Layer(LOW, WIDE, 1, 8),
    "third": Layer(WIDE, WIDE, 3, 8),
    "last": Layer(2 * WIDE, COUNT, 1, 7, bounded=False),
}
LOW_LAYERS = ("low1", "low2", "low3")


def inputs(planes: torch.Tensor) -> torch.Tensor:
    """Guide planes, whole numbers (6, h, w) as `codec.recipe.side` has them, to float32 (INPUTS, h, w) within
    -INPUT_LIMIT..INPUT_LIMIT."""
    v = planes.to(torch.int32)
    linear = _LINEAR.to(v.device)[v[:4].long()]
    return torch.cat([(v[:4] >> 2) - INPUT_LIMIT, v[4:] >> 2, (linear >> 4) - INPUT_LIMIT]).float()


def means(planes: torch.Tensor) -> torch.Tensor:
    """Inputs of a whole picture, planes (6, h, w), averaged over blocks of cells and rounded down, float32 (INPUTS,
    h / BLUR, w / BLUR), rounded up; the last row and column go on."""
    out = []
    for top in range(0, planes.shape[1], STRIP):  # what is held at once stays small
        x = inputs(planes[:, top : top + STRIP])
        x = pad(x[None], (0, -x.shape[2] % BLUR, 0, -x.shape[1] % BLUR), mode="replicate")[0]
        blocks = x.reshape(INPUTS, x.shape[1] // BLUR, BLUR, x.shape[2] // BLUR, BLUR)
        out.append(torch.floor(blocks.sum((2, 4)) / (BLUR * BLUR)))
    return torch.cat(out, 1)


class GuideNet:
    """The net with its weights. weights, biases: int8 and int32 tensors by layer, as in the file."""

    def __init__(self, weights: dict[str, torch.Tensor], biases: dict[str, torch.Tensor], identity: bytes) -> None:
        self.identity = identity
        self._taps = {n: w.float().permute(2, 3, 1, 0).flatten(0, 1).contiguous() for n, w in weights.items()}
        self._bias = {n: b.float() for n, b in biases.items()}

    def to(self, device: torch.device | str) -> GuideNet:
        """The net on a device."""
        moved = GuideNet({}, {}, self.identity)
        moved._taps = {n: v.to(device) for n, v in self._taps.items()}
        moved._bias = {n: v.to(device) for n, v in self._bias.items()}
        return moved

    def _sums(self, name: str, x: torch.Tensor, width: int) -> torch.Tensor:
        """Sums of a layer, float32 (rows * width, outputs), of x, float32 ((rows + edge) * width, inputs).

        An output lies at its kernel's top left input; where a kernel runs over the right edge, its sum means nothing.
        """
        layer = LAYERS[name]
        edge = layer.dilation * (layer.side - 1)
        out = self._bias[name].repeat(len(x) - edge * width, 1)
        n = len(out) - edge
        for k, tap in enumerate(self._taps[name]):
            at = layer.dilation * (k // layer.side * width + k % layer.side)
            out[:n].addmm_(x[at : at + n], tap)
        return out

    def surroundings(self, planes: torch.Tensor) -> torch.Tensor:
        """What the low layers say of a whole picture, planes (6, h, w): uint8 (h / BLUR, w / BLUR, LOW)."""
        a = means(planes)
        for name in LOW_LAYERS:
            d = LAYERS[name].dilation
            edged = pad(a[None], (d, d, d, d), mode="replicate")[0].permute(1, 2, 0)
            width = edged.shape[1]
            total = self._sums(name, edged.reshape(-1, len(a)), width)
            a = _bounded(total, name).reshape(-1, width, LOW)[:, : a.shape[2]].permute(2, 0, 1)
        return a.permute(1, 2, 0).to(torch.uint8).contiguous()

    def features(self, piece: torch.Tensor, low: torch.Tensor, r: int, c: int) -> torch.Tensor:
        """Features of a window whose first cell is (r, c), float64 (COUNT, rows, cols) of whole numbers below 2^15.

        piece: the guide's planes (6, rows + 2 REACH, cols + 2 REACH) around the window; low: of `surroundings`.
        """
        rows, cols = (n - 2 * REACH for n in piece.shape[1:])
        out = torch.empty(COUNT, rows, cols, dtype=torch.float64, device=piece.device)
        for at in range(0, cols, BLOCK):  # few enough cells at once for the processor's cache
            cut = piece[:, :, at : at + BLOCK + 2 * REACH]
            out[:, :, at : at + BLOCK] = self._block(cut, low, r, c + at)
        return out

    def _block(self, piece: torch.Tensor, low: torch.Tensor, r: int, c: int) -> torch.Tensor:
        rows, width = piece.shape[1] - 2 * REACH, piece.shape[2]
        a1 = _bounded(self._sums("first", inputs(piece).permute(1, 2, 0).reshape(-1, INPUTS), width), "first")
        total = self._sums("second", a1, width)
        total += self._sums("join", _between(low, (r - 1, r + rows + 1), (c - 1, c - 1 + width)), width)
        a2 = _bounded(total, "second")
        a3 = _bounded(self._sums("third", a2, width), "third")
        total = self._sums("last", torch.cat([a2[width + 1 : width + 1 + len(a3)], a3], 1), width)
        features = torch.floor_(total / (1 << LAYERS["last"].shift))
        return features.reshape(rows, width, COUNT)[:, : width - 2 * REACH].permute(2, 0, 1)


def _bounded(total: torch.Tensor, name: str) -> torch.Tensor:
    return total.mul_(1.0 / (1 << LAYERS[name].shift)).floor_().clamp_(0, TOP)


def _between(low: torch.Tensor, rows: tuple[int, int], cols: tuple[int, int]) -> torch.Tensor:
    """Surroundings at cells, linearly between the blocks' middles, float32 (cells, LOW): whole numbers 0..TOP."""

    def places(first: int, last: int, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        twice = 2 * torch.arange(first, last, device=low.device) + 1 - BLUR
        at = twice.div(BETWEEN, rounding_mode="floor")
        return at.clamp(0, count - 1), (at + 1).clamp(0, count - 1), (twice - at * BETWEEN).float()[:, None]

    r0, r1, t = places(*rows, low.shape[0])
    c0, c1, s = places(*cols, low.shape[1])
    first = min(max((2 * rows[0] + 1 - BLUR) // BETWEEN, 0), low.shape[0] - 1)
    last = min(max((2 * rows[1] - 1 - BLUR) // BETWEEN + 1, 0), low.shape[0] - 1)
    near = low[first : last + 1].float()
    across = near[:, c0] * (BETWEEN - s) + near[:, c1] * s
    whole = across[r0 - first] * (BETWEEN - t)[:, None] + across[r1 - first] * t[:, None]
    return whole.mul_(1.0 / BETWEEN**2).floor_().reshape(-1, LOW)


def parse(data: bytes) -> GuideNet:
    """The net of a weights file's bytes; `InputError` for one that does not hold it or could not be exact."""
    try:
        tensors = load_tensors(data)
        weights = {n: tensors[f"{n}.weight"] for n in LAYERS}
        biases = {n: tensors[f"{n}.bias"] for n in LAYERS}
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"not the guide's net ({error})") from error
    most = {}
    for n, layer in LAYERS.items():
        w, b = weights[n], biases[n]
        shape = (layer.outputs, layer.inputs, layer.side, layer.side)
        if w.shape != shape or w.dtype != torch.int8 or b.shape != shape[:1] or b.dtype != torch.int32:
            raise InputError(f"layer {n} of the guide's net has another shape or type")
        most[n] = int((w.long().abs().sum((1, 2, 3)) * layer.reach + b.long().abs()).max())
    most["second"] += most["join"]
    if max(most.values()) >= EXACT or most["last"] >> LAYERS["last"].shift >= 1 << 15:
        raise InputError("the guide's net has sums that float32 does not hold exactly")
    return GuideNet(weights, biases, identity_of(data))


def load(identity: bytes | None = None) -> GuideNet:
    """The net that a stream's header names, or `weights.DEFAULT`; read once. `StreamError` where it is not here."""
    return _load(identity or files.DEFAULT)


@functools.cache
def _load(identity: bytes) -> GuideNet:
    return parse(files.REGISTRY.read(identity))
