"""The 16 closed-loop stages (`codec.stages.order`) in torch: for a CUDA device, and beside the CPU's kernels.

All arrays of a plane are kept by pass ("polyphase"): four arrays (B, h/2, w/2), so that a neighbour is a shifted view.
`run_stages` is the one loop; with and without loss differ in the `Visitor`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch.nn.functional import pad

from .order import CROSS, DIAGONAL, IN_PLACE, KNOWN, MAGNITUDE_LIMIT, NINE, PASSES, PLANES, STAGES


def split(x: torch.Tensor) -> list[torch.Tensor]:
    """(B, h, w) to its four passes, each (B, h/2, w/2)."""
    return [x[:, i::2, j::2] for i, j in PASSES]


def merge(parts: list[torch.Tensor]) -> torch.Tensor:
    """Inverse of `split`."""
    b, h, w = parts[0].shape
    out = parts[0].new_empty(b, 2 * h, 2 * w)
    for (i, j), part in zip(PASSES, parts, strict=True):
        out[:, i::2, j::2] = part
    return out


def inverse_transform(parts: list[torch.Tensor], transform: int) -> torch.Tensor:
    """Decoded passes to the decoded residual, whole numbers to whole numbers."""
    if transform == IN_PLACE:
        return merge(parts)
    s, x, y, z = parts
    sites = (s + x + y + z, s - x - y + z, s - x + y - z, s + x - y - z)  # a, d, b, c: the order of PASSES
    return merge([torch.floor((v + 1) / 2) for v in sites])


@dataclass
class Scene:
    """What the stages know before they start: steps and guide, by plane and pass.

    step: float64 whole numbers [4][4] of (B, h/2, w/2); activity: guide's contexts [k][4], float64 whole numbers;
    transform: `IN_PLACE` or `HAAR`; saturation: where the prediction lies on the sensor's saturation, bool [4][4].
    """

    step: list[list[torch.Tensor]]
    activity: list[list[torch.Tensor]]
    transform: int
    saturation: list[list[torch.Tensor]]


class Visitor(Protocol):
    """What a stage is given and gives: `codec.stages.decoder_torch.Decoder`, or the lossless one."""

    def mean(self, stage: int, near: list[torch.Tensor]) -> torch.Tensor:
        """Mean of y at the stage's places from its decoded neighbours, float64 of whole numbers."""

    def symbols(
        self, stage: int, mu: torch.Tensor, step: torch.Tensor, contexts: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Magnitudes, in quarters of a step (int32), and y_hat (float64 of whole numbers) of the stage's places."""


class Decoded:
    """Decoded values or magnitudes of one plane, by pass, each with a border of one repeated place."""

    def __init__(self, transform: int) -> None:
        self.parts: list[torch.Tensor] = []
        self.transform = transform

    def add(self, part: torch.Tensor) -> None:
        self.parts.append(pad(part[None], (1, 1, 1, 1), mode="replicate")[0])

    def at(self, t: int, offset: tuple[int, int]) -> torch.Tensor:
        """Values at the places of pass t shifted by offset, in cells (in place) or blocks of the same band (haar)."""
        if self.transform == IN_PLACE:
            i, j = PASSES[t][0] + offset[0], PASSES[t][1] + offset[1]
            part, i, j = self.parts[PASSES.index((i & 1, j & 1))], i >> 1, j >> 1
        else:
            part, (i, j) = self.parts[t], offset
        h, w = part.shape[-2] - 2, part.shape[-1] - 2
        return part[:, 1 + i : 1 + i + h, 1 + j : 1 + j + w]

    def own(self, t: int, offset: tuple[int, int]) -> torch.Tensor:
        """Band t of the same plane at a shifted block (haar only)."""
        part = self.parts[t]
        h, w = part.shape[-2] - 2, part.shape[-1] - 2
        return part[:, 1 + offset[0] : 1 + offset[0] + h, 1 + offset[1] : 1 + offset[1] + w]


def view_sum(views: list[torch.Tensor]) -> torch.Tensor:
    """Sum of arrays of one shape."""
    total = views[0].clone()
    for v in views[1:]:
        total += v
    return total


def box_sum(part: torch.Tensor) -> torch.Tensor:
    """Sum over 3x3 of a bordered array, without its border."""
    rows = part[:, :-2] + part[:, 1:-1] + part[:, 2:]
    return rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]


def near_views(values: list[Decoded | None], n: int, t: int, transform: int) -> list[torch.Tensor]:
    """Decoded values around a stage's places: of its own plane, then of the earlier planes."""
    own = values[PLANES[n]]
    assert own is not None
    if transform == IN_PLACE:
        views = [own.at(t, o) for o in KNOWN[t]]
    else:
        views = [own.own(band, (0, 0)) for band in range(t)] + [own.own(0, o) for o in CROSS if t]
    for j in PLANES[:n]:
        other = values[j]
        assert other is not None
        views += [other.at(t, o) for o in NINE]
    return views


def _magnitude_contexts(magnitudes: list[Decoded | None], n: int, t: int, transform: int) -> Iterator[torch.Tensor]:
    """Magnitudes decoded around, in 2^-MAGNITUDE_BITS of a step (averages of 4: the factor is in the scale)."""
    own = magnitudes[PLANES[n]]
    assert own is not None
    if transform == IN_PLACE:
        if t >= 2:
            yield view_sum([own.at(t, o) for o in CROSS]) * 16
        if t in (1, 3):
            yield view_sum([own.at(t, o) for o in DIAGONAL]) * 16
    elif t:
        yield own.own(0, (0, 0)) * 64
        bands, cross = [own.own(b, (0, 0)) for b in range(1, t)], [own.own(0, o) for o in CROSS]
        yield view_sum(bands) * 32 if t > 1 else view_sum(cross) * 16
    others = [magnitudes[j] for j in PLANES[:n]]
    for other in others:
        assert other is not None
        yield other.at(t, (0, 0)) * 64
        yield view_sum([other.at(t, o) for o in CROSS]) * 16
        yield view_sum([other.at(t, o) for o in DIAGONAL]) * 16
    if t:
        yield view_sum([box_sum(p) for p in own.parts]) * 2
    if others:
        yield view_sum([box_sum(p) for o in others if o is not None for p in o.parts])


def _by_kind(
    saturation: torch.Tensor, contexts: list[torch.Tensor], magnitudes: list[torch.Tensor]
) -> list[torch.Tensor]:
    """All contexts: a constant for each of two kinds of place, quiet or not, and the others, zero where it is quiet.

    Quiet is where the prediction lies on the saturation and all magnitudes are zero: what else the guide says there
    would only make it dearer.
    """
    quiet = functools.reduce(torch.logical_and, [m == 0 for m in magnitudes], saturation).to(torch.float64)
    loud = 1.0 - quiet
    return [loud, quiet, *(z * loud for z in (*contexts, *magnitudes))]


def run_stages(scene: Scene, visitor: Visitor) -> list[list[torch.Tensor]]:
    """Run all stages; returns y_hat as [plane][pass] of (B, h/2, w/2), whole numbers in float64."""
    values: list[Decoded | None] = [None] * 4
    decoded: list[Decoded | None] = [None] * 4
    out: list[list[torch.Tensor]] = [[], [], [], []]
    for stage, (k, t) in enumerate(STAGES):
        n = stage // 4
        if t == 0:
            values[k], decoded[k] = Decoded(scene.transform), Decoded(scene.transform)
        step = scene.step[k][t]
        mu = visitor.mean(stage, near_views(values, n, t, scene.transform))
        if mu.shape != step.shape:
            mu = torch.zeros_like(step)
        contexts = [torch.floor(65536.0 / step), torch.floor(mu.abs() * 256.0 / step)]
        contexts += [torch.floor(a[t] * 16384.0 / step) for a in scene.activity]
        around = list(_magnitude_contexts(decoded, n, t, scene.transform))
        contexts = _by_kind(scene.saturation[k][t], contexts, around)
        magnitudes, y_hat = visitor.symbols(stage, mu, step, contexts)
        out[k].append(y_hat)
        if stage < len(STAGES) - 1:
            values_k, decoded_k = values[k], decoded[k]
            assert values_k is not None and decoded_k is not None
            values_k.add(y_hat)
            decoded_k.add(magnitudes.clamp(max=MAGNITUDE_LIMIT).to(step.dtype))
    return out
