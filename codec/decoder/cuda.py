"""Decoding with torch, on a CUDA device, a stream of one layer: tiles of substreams back to packed planes.

The CPU's own path, which needs no torch, is `codec.decoder.cpu`; both give the same mosaic, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ...bitstream.runtime.parallel import in_parallel, single_threaded
from ...bitstream.runtime.progress import Progress
from ...entropy.ans import decode_symbols
from ..mosaic.companding_torch import TorchCompanding
from ..recipe.side import Ground, Window
from ..recipe.side_torch import TorchGround
from ..stages.decoder_torch import Decoder
from ..stages.exact_torch import ExactDecoder, Lattice
from ..stages.parameters import Params
from ..stages.stages_torch import inverse_basis, run_stages
from .setup import Setup


def decode_with_torch(
    setup: Setup,
    host: Ground,
    params: Mapping[int, Params],
    bases: Sequence[int],
    substreams: Mapping[tuple[int, int], bytes],
    chosen: Sequence[int],
    device: str,
    progress: Progress | None = None,
) -> np.ndarray:
    """The mosaic, uint16 (H, W), as `codec.decoder.cpu.decode_mosaic`; host: side information of the whole picture."""
    with single_threaded():
        ground = TorchGround(host, device)
        planes = decode_planes(setup, ground, params, bases, substreams, chosen, progress)
    return setup.layout.unpack(planes.numpy())


def decode_planes(
    setup: Setup,
    ground: TorchGround,
    params: Mapping[int, Params],
    bases: Sequence[int],
    substreams: Mapping[tuple[int, int], bytes],
    chosen: Sequence[int],
    progress: Progress | None = None,
) -> torch.Tensor:
    """Packed planes int32 (4, h, w). Raises `StreamError` where a substream does not fit its classes."""
    (h, w), coding, side = setup.layout.cells, setup.coding, setup.tile_side
    companding, model, places = TorchCompanding(coding.companding), coding.model, setup.places

    def tile(n: int) -> torch.Tensor:
        window = Window((places[n][:2],), places[n][2], places[n][3])
        base = ground.base(window, setup.recipe, companding)
        scene = ground.scene(window, base, companding, coding.step_index, coding.exponent, bases[n])

        def read(stage: int, classes: np.ndarray) -> np.ndarray:
            return decode_symbols(substreams.get((n, stage), b""), classes, model)

        if coding.lossless:
            lattice = Lattice(companding, base)
            decoder: Decoder = ExactDecoder(lattice, params[bases[n]], coding.tables, read, base.device)
        else:
            decoder = Decoder(params[bases[n]], coding.tables, read, coding.log2_states, base.device)
        decoded = run_stages(scene, decoder)
        return rebuild(decoded, base, companding, bases[n]).cpu()

    planes = torch.zeros(4, h, w, dtype=torch.int32)
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
