"""Which layers a picture gets: steps from coarse to fine, each fitted over the one before.

::

    layer 0: some hundredths of a bpp --half the step--> layer 1 --half--> ... --> the wanted step, size, or all values

A cut between two layers shows some stages of the finer one beside others of the coarser one, and uneven error costs:
with halved steps 1 dB half way, at high rates. `SPREAD` sets the stages' steps apart by an octave in all, so that
wherever the cut is, the steps that are shown range over one octave: 0.3 dB everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...bitstream.stream.container import MAX_LAYERS
from ..mosaic.companding import LOSSLESS
from ..refine.layer import Layer
from . import rate
from .picture_layers import LayeredEncoder

FIRST_BPP = 0.04
START = 3900
OCTAVE = 256
SPREAD = 16
"""A layer's 16 stages go through one octave: the next layer begins where it ends."""

FEW_VALUES = 1.6
"""Where cells hold fewer values (mean of log2) the next layer is the lossless one."""

MARGIN = 1.04
"""How much more than the wanted size is fitted: the estimate comes from samples, the rest is trimmed."""

PER_MILLION = 1e6

FINE_ENOUGH = 32
"""A layer is at least so much finer than the one before."""


def by_octaves(
    trunk: LayeredEncoder, finest: int | None, bits: float, tell: Callable[[float], None]
) -> list[Layer]:
    """Fit layers whose steps halve, from some `FIRST_BPP` on.

    finest: step of the last one, or LOSSLESS, or None for as many as take `bits` a site. tell: gets how much is done.
    """
    wanted = min(FIRST_BPP, bits / 2) if finest is None else FIRST_BPP
    least = rate.FINEST if finest in (None, LOSSLESS) else finest
    assert least is not None
    step = START if least == rate.FINEST else least + OCTAVE * max(round((START - least) / OCTAVE), 0)
    layer = trunk.first(step, SPREAD)
    while layer.bits > 2 * wanted and step + OCTAVE <= rate.COARSEST:
        step += OCTAVE
        layer = trunk.first(step, SPREAD)
    layers = [layer]
    while len(layers) < MAX_LAYERS:
        tell(1 - 0.8 ** len(layers))
        if finest is None and sum(layer.bits for layer in layers) >= bits:
            break
        if step - OCTAVE < least or (least == rate.FINEST and trunk.left() < FEW_VALUES):
            if least == rate.FINEST:
                layers.append(trunk.further(LOSSLESS))
            break
        step -= OCTAVE
        layers.append(trunk.further(step))
    return layers


def by_rates(
    trunk: LayeredEncoder, rates: Sequence[float], finest: int | None, tell: Callable[[float], None]
) -> list[Layer]:
    """Fit a layer for each rate, bits per site in all up to there, ascending; and one more down to `finest`."""
    layers: list[Layer] = []
    for wanted in rates:
        tell(len(layers) / (len(rates) + 1))
        before = sum(layer.bits for layer in layers)
        begin = layers[-1].step - OCTAVE if layers else START

        def estimate(step: int) -> float:
            return PER_MILLION * (trunk.further(step, keep=False) if layers else trunk.first(step)).bits

        step, _ = rate.search_estimate(estimate, PER_MILLION * max(wanted - before, wanted / 100), begin)
        if layers:
            step = max(min(step, layers[-1].step - FINE_ENOUGH), rate.FINEST)
        layers.append(trunk.further(step) if layers else trunk.first(step))
    if finest is not None and (finest == LOSSLESS or finest < layers[-1].step):
        layers.append(trunk.further(finest))
    return layers
