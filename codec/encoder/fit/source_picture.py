"""The picture that is coded: what its encoders and fits share, whatever the recipe and the step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....entropy.tables import Tables
from ...mosaic.companding import Companding
from ...mosaic.layout import Layout
from ...recipe.side import SideInfo
from .saturation import NOWHERE


@dataclass(frozen=True, eq=False)
class SourcePicture:
    """mosaic: uint16 (H, W), DN, and how it lies in planes; side_info: what the decoder will know of the JPEG;
    companding: DN to levels; tables: probabilities; exponent: how much the step follows the guide, in quarters (the
    header's step_exponent); colours: float64 (3, 3), the camera's R, G, B to the JPEG's, about; ceilings: by plane, DN
    from which on lossy coding need not tell values apart (`saturation.ceilings`)."""

    mosaic: np.ndarray
    layout: Layout
    side_info: SideInfo
    companding: Companding
    tables: Tables
    exponent: int
    colours: np.ndarray
    ceilings: tuple[int, ...] = (NOWHERE,) * 4
