"""Which layers a picture gets: steps from coarse to fine, each fitted over the one before.

::

    layer 0: some hundredths of a bpp --half the step--> layer 1 --half--> ... --> the wanted step, size, or all values

A cut between two layers shows some stages of the finer one beside others of the coarser one, and uneven error costs:
with halved steps 1 dB half way, at high rates. `SPREAD` sets the stages' steps apart by an octave in all, so that
wherever the cut is, the steps that are shown range over one octave: 0.3 dB everywhere.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from ...bitstream.stream.container import MAX_LAYERS
from ...bitstream.stream.layers import STAGES, Further, Layers, tile_count
from ..decoder.stream import Stream
from ..mosaic.companding import LOSSLESS
from ..refine.layer import Layer
from ..stages.order import IN_PLACE
from . import rate
from .choose_recipe import choose_recipe
from .job import Candidate, Found
from .picture_layers import LayeredEncoder
from .size import check_room

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


def code_layers(plain: Candidate, finest: int | None, size: int | None, rates: Sequence[float]) -> Found:
    """Code a picture in layers.

    finest: step of the last one, or LOSSLESS; None where there is a size, which is then passed by a little, for the
    stream to be shortened. rates: where layers should end, bits a site, ascending; empty for the codec's choice.
    """
    job = plain.job
    fitting = functools.partial(job.tell, "fitting")
    fitting(0.0)
    # One recipe serves all layers: the one for the middle of the rates.
    room = math.inf if size is None else size / 4
    candidate, _ = choose_recipe(plain, rate.MIDDLE, room=room, careful=False)
    bits = 0.0
    if finest is None:
        assert size is not None
        check_room(candidate, size)
        bits = MARGIN * (size - candidate.fixed) * 8 / job.sites
    rates = tuple(r for r in rates if finest is not None or r < bits)
    encoder = LayeredEncoder(job.picture, candidate.recipe, job.effort)
    if rates:
        layers = by_rates(encoder, rates if finest is not None else (*rates, bits), finest, fitting)
    else:
        layers = by_octaves(encoder, finest, bits, fitting)
    side = job.side(sum(layer.bits for layer in layers))
    coded = encoder.encode_layers(layers, side, job.progress)
    header = replace(candidate.header, step=layers[0].step, tile=side // 2)
    count = tile_count(header)
    further = tuple(Further(layer.step, int(layer.estimate), layer.params.to_bytes()) for layer in layers[1:])
    section = Layers(encoder.spread, STAGES * count, further)
    first = {(tile, stage): d for (tile, layer, stage), d in coded.substreams.items() if not layer}
    finer = {key: d for key, d in coded.substreams.items() if key[1]}
    params = {IN_PLACE: layers[0].params}
    found = Stream(
        header, candidate.recipe, params, [IN_PLACE] * count, first, section, finer,
        projection=job.projection, gate=job.gate, cell=candidate.cell, levels=job.levels,
        used=job.used,
    )  # fmt: skip
    return Found(found, coded.mosaic, encoder.areas)


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
