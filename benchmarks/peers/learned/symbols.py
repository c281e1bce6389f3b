"""Whole numbers to bytes by CompressAI's rANS coder under Gaussian tables that the encoder and decoder both choose.

A stream is the coder's 32-bit words; there is no length in it, the caller keeps that.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from ..clock import part
from .compressai_layers import BufferedRansEncoder, GaussianConditional, RansDecoder

LEVELS, FINEST, COARSEST = 64, 0.11, 256.0
Table = tuple[list[list[int]], list[int], list[int]]


@functools.cache
def gaussian() -> GaussianConditional:
    """CompressAI's Gaussian tables: 64 scales evenly in the logarithm, as its models have them."""
    scales = torch.exp(torch.linspace(math.log(FINEST), math.log(COARSEST), LEVELS)).tolist()
    model = GaussianConditional(None)
    model.update_scale_table(scales)
    return model


@functools.cache
def gaussian_table() -> Table:
    """The tables as the coder wants them."""
    return table_of(gaussian())


def table_of(model: GaussianConditional) -> Table:
    """Tables, their lengths and offsets of one of CompressAI's entropy models after `update`."""
    return model.quantized_cdf.tolist(), model.cdf_length.tolist(), model.offset.tolist()


def scale_index(scale: Tensor) -> Tensor:
    """Number of the table for a scale: `GaussianConditional.build_indexes`, by bisection."""
    return torch.bucketize(scale.contiguous(), gaussian().scale_table[:-1])


def bits(value: Tensor, scale: Tensor, training: bool) -> Tensor:
    """Bits that each value costs around 0, as the tables would: with noise in training, rounded else."""
    _, likelihood = gaussian()(value, scale, training=training)
    return -torch.log2(likelihood)


class SymbolWriter:
    """Collects symbols; `bytes` closes the stream."""

    def __init__(self) -> None:
        self._coder = BufferedRansEncoder()
        self._any = False

    def put(self, symbols: Tensor, index: Tensor, table: Table | None = None) -> None:
        """Add symbols, each under the table of its index; both of any one shape."""
        self._any |= symbols.numel() > 0
        if symbols.numel():
            with part("entropy"):
                numbers = symbols.reshape(-1).int().tolist(), index.reshape(-1).int().tolist()
                self._coder.encode_with_indexes(*numbers, *(table or gaussian_table()))

    def bytes(self) -> bytes:
        """The stream."""
        with part("entropy"):
            return bytes(self._coder.flush()) if self._any else b""


class SymbolReader:
    """Reads what `SymbolWriter` wrote, in the same order under the same indexes."""

    def __init__(self, data: bytes) -> None:
        self._coder = RansDecoder()
        self._coder.set_stream(data)

    def get(self, index: Tensor, table: Table | None = None) -> Tensor:
        """Symbols, float32 in the shape of `index`."""
        if not index.numel():
            return torch.zeros(index.shape)
        with part("entropy"):
            values = self._coder.decode_stream(index.reshape(-1).int().tolist(), *(table or gaussian_table()))
            return torch.tensor(values, dtype=torch.float32).reshape(index.shape)
