"""How the stages of a picture's tiles are coded: what each tile's arithmetic needs beside its own samples."""

from __future__ import annotations

from dataclasses import dataclass

from ...entropy.ans import Model, model_of
from ...entropy.tables import EXACT, TRELLIS, Tables
from ..mosaic.companding import LOSSLESS, Companding
from .model import WEIGHTED_SUMS, ContextModel


@dataclass(frozen=True)
class Coding:
    """companding: DN to levels, and the step at each level; tables: probabilities, of the identity that the header
    names; step_index: 0..5119, or `LOSSLESS`; exponent: how much the step follows the guide, in quarters (the manual's
    step_exponent); log2_states: of the trellis, 2..6; context_model: what expects symbols of a place."""

    companding: Companding
    tables: Tables
    step_index: int
    exponent: int
    log2_states: int
    context_model: ContextModel = WEIGHTED_SUMS

    @property
    def lossless(self) -> bool:
        """Whether symbols count values rather than steps."""
        return self.step_index == LOSSLESS

    @property
    def model(self) -> Model:
        """The half of the tables that the symbols go by."""
        return model_of(self.tables, EXACT if self.lossless else TRELLIS)
