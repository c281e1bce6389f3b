"""The recipe: the per-picture map from the guide to the mosaic, fitted in closed form, sent in a few hundred bytes.

::

    features phi (m, n) --robust weighted least squares, float64--> coefficients c (4, m)
         --quantised one by one, each error spread over those still free--> integers --Golomb--> bytes
    prediction b = ((C << exponent) @ phi + half) >> SHIFT          exact: whole numbers below 2^53 in float64

The quantisation of correlated coefficients follows optimal-brain-surgeon compensation (Hassibi & Stork 1993; as in
GPTQ): with ``U`` the upper Cholesky factor of the inverse Gram matrix, a step of ``delta U_ii`` for coefficient i
costs the same error for each, so coefficients that others can stand in for get few bits.

The m features are the hand-made ones (`COUNT`) alone, or those and the learned ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...bitstream.errors import StreamError
from ...bitstream.runtime.forks import cached_property
from ...entropy.golomb import GolombReader, GolombWriter
from .corrections import LocalRecipe
from .features import COUNT
from .look import Look

SHIFT = 20
"""Fraction bits of a coefficient."""

LIMIT = 1 << 15
"""Bound of a quantised coefficient."""

EXPONENTS = 21
"""A coefficient's step is 2^(e - SHIFT), 0 <= e < EXPONENTS."""

SUM_LIMIT = 1 << 37
"""Bound of a plane's sum of |c| 2^e: times features below 2^15 it stays under 2^52, so sums are exact in float64."""


@dataclass(frozen=True)
class Recipe:
    """Quantised coefficients, int64 (4, m), and the exponent of each feature's step, int64 (m,); corrections by block,
    and a second look at what comes of both, where there are any."""

    coefficients: np.ndarray
    exponents: np.ndarray
    local: LocalRecipe | None = None
    look: Look | None = None

    @property
    def learned(self) -> bool:
        """Whether there are coefficients for learned features too."""
        return len(self.exponents) > COUNT

    def of(self, features: int) -> Recipe:
        """The same recipe of so many features: those behind the last one are not used."""
        more = features - len(self.exponents)
        return Recipe(np.pad(self.coefficients, ((0, 0), (0, more))), np.pad(self.exponents, (0, more)))

    def whole(self, block: tuple[int, int] | None = None) -> np.ndarray:
        """Coefficients in 2^-20, whole numbers in float64 (4, m).

        block: row and column of a block of the local recipe, whose corrections are added.
        """
        whole = self.coefficients << self.exponents
        if self.local and block:
            more = self.local.block(*block)
            whole[:, : more.shape[1]] += more
        return whole.astype(np.float64)

    def to_bytes(self) -> bytes:
        """Exponents as differences to their neighbours, then the coefficients feature by feature."""
        return self._bytes

    @cached_property
    def _bytes(self) -> bytes:
        out = GolombWriter()
        used = np.flatnonzero(np.abs(self.coefficients).sum(0))
        out.write([len(used)])
        if len(used) < len(self.exponents):
            out.write(np.diff(used, prepend=-1) - 1)
        out.write(np.diff(self.exponents[used], prepend=EXPONENTS // 2))
        for k in range(4):
            out.write(self.coefficients[k, used])
        return out.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes, features: int = COUNT) -> Recipe:
        """Inverse of `to_bytes` for so many features; `StreamError` for values out of range."""
        bits = GolombReader(data)
        (count,) = bits.read(1)
        if not 0 <= count <= features:
            raise StreamError(f"the recipe names {count} features, there are {features}")
        used = np.cumsum(np.array(bits.read(count)) + 1) - 1 if count < features else np.arange(features)
        steps = np.cumsum(bits.read(count)) + EXPONENTS // 2
        if count and (used.min() < 0 or used.max() >= features or len(set(used.tolist())) < count):
            raise StreamError("the recipe's features are out of range")
        if count and (steps.min() < 0 or steps.max() >= EXPONENTS):
            raise StreamError("the recipe's steps are out of range")
        coefficients, exponents = np.zeros((4, features), np.int64), np.zeros(features, np.int64)
        for k in range(4):
            coefficients[k, used.astype(np.int64)] = bits.read(count)
        bits.finish()
        if np.abs(coefficients).max(initial=0) >= LIMIT:
            raise StreamError("the recipe's coefficients are out of range")
        exponents[used.astype(np.int64)] = steps
        recipe = cls(coefficients, exponents)
        recipe.check()
        return recipe

    def with_local(self, local: LocalRecipe) -> Recipe:
        """This recipe with corrections by block; `StreamError` where they are too large together."""
        recipe = replace(self, local=local)
        recipe.check()
        return recipe

    def check(self) -> None:
        """`StreamError` where sums would no longer be exact."""
        most = (np.abs(self.coefficients) << self.exponents).sum(1).max()
        if most + (self.local.largest() if self.local else 0) >= SUM_LIMIT:
            raise StreamError("the recipe's coefficients are too large together")
