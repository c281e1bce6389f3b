"""A quality layer of a stream, as encoder and decoder know it."""

from __future__ import annotations

from dataclasses import dataclass

from ..stages.parameters import Params


@dataclass(frozen=True)
class Layer:
    """A layer's step index, or `LOSSLESS`, and its parameters.

    estimate: whether stages that are not there are estimated. bits: per site, estimated where the layer was fitted.
    """

    step: int
    params: Params
    estimate: bool = False
    bits: float = 0.0
