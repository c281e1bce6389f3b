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
from ..recipe.side import SideInfo, Window
from ..recipe.side_torch import TorchSideInfo
from ..stages.decoder_torch import Decoder
from ..stages.lossless_torch import Lattice, LosslessDecoder
from ..stages.parameters import Params
from ..stages.stages_torch import inverse_transform, run_stages
from .setup import Setup


def decode_with_torch(
    setup: Setup,
    host: SideInfo,
    params: Mapping[int, Params],
    transforms: Sequence[int],
    substreams: Mapping[tuple[int, int], bytes],
    chosen: Sequence[int],
    device: str,
    progress: Progress | None = None,
) -> np.ndarray:
    """The mosaic, uint16 (H, W), as `codec.decoder.cpu.decode_mosaic`; host: side information of the whole picture."""
    with single_threaded():
        side_info = TorchSideInfo(host, device)
        planes = decode_planes(setup, side_info, params, transforms, substreams, chosen, progress)
    return setup.layout.unpack(planes.numpy())


def decode_planes(
    setup: Setup,
    side_info: TorchSideInfo,
    params: Mapping[int, Params],
    transforms: Sequence[int],
    substreams: Mapping[tuple[int, int], bytes],
    chosen: Sequence[int],
    progress: Progress | None = None,
) -> torch.Tensor:
    """Packed planes int32 (4, h, w). Raises `StreamError` where a substream does not fit its classes."""
    (h, w), coding, side = setup.layout.cells, setup.coding, setup.tile_side
    companding, model, places = TorchCompanding(coding.companding), coding.model, setup.places

    def tile(n: int) -> torch.Tensor:
        window = Window.of(places[n])
        prediction = side_info.prediction(window, setup.recipe, companding)
        scene = side_info.scene(window, prediction, companding, coding.step_index, coding.exponent, transforms[n])

        def read(stage: int, classes: np.ndarray) -> np.ndarray:
            return decode_symbols(substreams.get((n, stage), b""), classes, model)

        if coding.lossless:
            lattice = Lattice(companding, prediction)
            decoder: Decoder = LosslessDecoder(lattice, params[transforms[n]], coding.tables, read, prediction.device)
        else:
            decoder = Decoder(params[transforms[n]], coding.tables, read, coding.log2_states, prediction.device)
        decoded = run_stages(scene, decoder)
        return rebuild(decoded, prediction, companding, transforms[n]).cpu()

    planes = torch.zeros(4, h, w, dtype=torch.int32)
    for done, (n, piece) in enumerate(zip(chosen, in_parallel(tile, chosen), strict=True)):
        r, c = places[n][:2]
        planes[:, r : r + side, c : c + side] = piece[:, : h - r, : w - c]
        if progress:
            progress("decoding", (done + 1) / len(chosen))
    return planes


def rebuild(
    decoded: list[list[torch.Tensor]], prediction: torch.Tensor, companding: TorchCompanding, transform: int
) -> torch.Tensor:
    """Decoded stages and prediction of one tile to DN, int32 (4, h, w)."""
    y_hat = torch.stack([inverse_transform(parts, transform)[0] for parts in decoded])
    return companding.expand(companding.compand(prediction[0]).to(torch.float64) + y_hat)
