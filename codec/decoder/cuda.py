"""The trunk's decoder in torch: tiles of substreams back to packed planes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ...bitstream.runtime.parallel import in_parallel
from ...bitstream.runtime.progress import Progress
from ...entropy.ans import decode_symbols, model_of
from ...entropy.tables import EXACT, TRELLIS, Tables
from ..mosaic.companding import LOSSLESS
from ..mosaic.companding_torch import TorchCompanding
from ..mosaic.layout import Layout, tiles
from ..recipe.recipe import Recipe
from ..recipe.side import Window
from ..recipe.side_torch import TorchGround
from ..stages.decoder_torch import Decoder
from ..stages.exact_torch import ExactDecoder, Lattice
from ..stages.parameters import Params
from ..stages.stages_torch import inverse_basis, run_stages


def decode_planes(
    substreams: Mapping[tuple[int, int], bytes],
    bases: list[int],
    params: dict[int, Params],
    layout: Layout,
    ground: TorchGround,
    recipe: Recipe,
    companding: TorchCompanding,
    tables: Tables,
    step: int,
    kappa: int,
    states: int,
    side: int,
    progress: Progress | None = None,
    chosen: Sequence[int] | None = None,
) -> torch.Tensor:
    """Packed planes int32 (4, h, w). Raises `StreamError` where a substream does not fit its classes."""
    h, w = layout.cells
    places = tiles(h, w, side)
    model = model_of(tables, EXACT if step == LOSSLESS else TRELLIS)

    def tile(n: int) -> torch.Tensor:
        window = Window((places[n][:2],), places[n][2], places[n][3])
        base = ground.base(window, recipe, companding)
        scene = ground.scene(window, base, companding, step, kappa, bases[n])

        def read(stage: int, classes: np.ndarray) -> np.ndarray:
            return decode_symbols(substreams.get((n, stage), b""), classes, model)

        if step == LOSSLESS:
            decoder: Decoder = ExactDecoder(Lattice(companding, base), params[bases[n]], tables, read, base.device)
        else:
            decoder = Decoder(params[bases[n]], tables, read, states, base.device)
        decoded = run_stages(scene, decoder)
        return rebuild(decoded, base, companding, bases[n]).cpu()

    planes = torch.zeros(4, h, w, dtype=torch.int32)
    chosen = range(len(places)) if chosen is None else chosen
    for done, (n, piece) in enumerate(zip(chosen, in_parallel(tile, chosen), strict=True)):
        r, c = places[n][:2]
        planes[:, r : r + side, c : c + side] = piece[:, : h - r, : w - c]
        if progress:
            progress("decoding", (done + 1) / len(chosen))
    return planes


def rebuild(
    decoded: list[list[torch.Tensor]], base: torch.Tensor, companding: TorchCompanding, basis: int
) -> torch.Tensor:
    """Decoded stages and base of one tile to DN, int32 (4, h, w)."""
    y_hat = torch.stack([inverse_basis(parts, basis)[0] for parts in decoded])
    return companding.expand(companding.compand(base[0]).to(torch.float64) + y_hat)
