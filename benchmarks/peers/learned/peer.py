"""The learned nets as peers: a RAW and a JPEG to a self-contained stream, and back in a fresh process.

======  =====================================================================
bytes   the frame's body (`benchmarks.peers.frame`)
======  =====================================================================
4       the weights' identity
1       rate, in 32nds
120     of a guided net: the fit of the guide (`colour_fit`)
rest    the net's symbols
======  =====================================================================

The nets are floating-point and choose the coder's tables: a stream decodes with the same libraries on the same kind of
processor, and only there. That is how this field's codecs are; rawinlay's own nets are whole-numbered instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ....bitstream.errors import StreamError, UsageError
from ....bitstream.raw_image import RawImage
from ....bitstream.runtime.parallel import single_threaded
from ....codec.guide.guide import make_guide
from ....codec.mosaic.layout import Layout
from .. import guide as aligned
from ..base import Peer, need, number
from ..clock import part
from ..frame import DN_MAX, Frame, unwrap
from . import colour_fit
from .blocks import RATE_SPAN
from .cam import GRIDS
from .data import planes_of, samples_of
from .net import padded
from .planes import compand, expand, light_of
from .weights import Trained, load_trained

RATE_UNIT = 32
ORDERED = "latents, hyper-latents, the guide's fit, header and geometry; the decoder computes the order of coding"
COUNTS = {
    "r2lcm": ORDERED,
    "r2lcm++": f"{ORDERED} and the steps",
    "cam": "sample values and places, entropy-coded, the guide's fit, header and geometry",
    "hyperprior": "latents, hyper-latents and header",
}


class LearnedPeer(Peer):
    """A net with its shipped weights. Raises `Unavailable` where they or CompressAI are missing."""

    def __init__(self, name: str, trained: Trained | None = None) -> None:
        self.name = name
        self.trained = trained or load_trained(name)
        self.guided = self.trained.net.guided
        self.kind: str = self.trained.facts["net"]["kind"]
        self.counts = COUNTS[self.kind]
        self.state = self.trained.state()

    def settings(self) -> Sequence[str]:
        if self.kind == "cam":
            return [f"grid={g}" for g in GRIDS]
        return [f"rate={r}" for r in range(int(RATE_SPAN) + 1)]

    def _rate(self, setting: str) -> int:
        """The rate of a setting in `RATE_UNIT`s."""
        if self.kind == "cam":
            grid = number(setting, "grid")
            if grid not in GRIDS:
                raise UsageError(f"setting {setting!r}: the grid is one of {GRIDS}")
            return round(RATE_SPAN * GRIDS.index(int(grid)) / (len(GRIDS) - 1) * RATE_UNIT)
        rate = number(setting, "rate")
        if not 0 <= rate <= RATE_SPAN:
            raise UsageError(f"setting {setting!r}: the rate is 0 to {RATE_SPAN:g}")
        return round(rate * RATE_UNIT)

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        rate = self._rate(setting)
        frame, guide = aligned.begin(raw, need(jpeg)) if self.guided else (Frame.of(raw), None)
        layout = Layout(*frame.shape, frame.phase)
        light = light_of(torch.as_tensor(layout.pack(raw.mosaic))[None].float(), *_levels(frame, layout))
        x, planes, head = padded(compand(light)), None, self.trained.identity + bytes([rate])
        if guide is not None:
            bare = _planes(guide, frame)
            weights = colour_fit.fit(x[0], bare)
            planes, head = colour_fit.fitted(bare, weights)[None], head + colour_fit.to_bytes(weights)
        with part("network"), single_threaded(), torch.no_grad():
            return frame.wrap(head + self.trained.net.compress(x, planes, rate / RATE_UNIT))

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        frame, body = unwrap(data)
        if body[:4] != self.trained.identity or len(body) < 5 or body[4] > RATE_SPAN * RATE_UNIT:
            raise StreamError(f"the stream was not made by these weights of {self.name}")
        planes, at = None, 5
        if self.guided:
            at += colour_fit.SIZE
            weights = colour_fit.from_bytes(body[5:at])
            planes = colour_fit.fitted(_planes(aligned.resume(need(jpeg), frame), frame), weights)[None]
        layout = Layout(*frame.shape, frame.phase)
        h, w = layout.cells
        size = padded(torch.empty(1, 1, h, w)).shape[2:]
        with part("network"), single_threaded(), torch.no_grad():
            x_hat = self.trained.net.decompress(body[at:], planes, body[4] / RATE_UNIT, *size)[:, :, :h, :w]
        black, white = _levels(frame, layout)
        dn = expand(x_hat[0]) * (white - black)[:, None, None] + black[:, None, None]
        return layout.unpack(dn.round_().clamp_(0, DN_MAX).numpy())


def _levels(frame: Frame, layout: Layout) -> tuple[Tensor, Tensor]:
    """Black by plane (4,) and white, DN."""
    return torch.tensor(layout.per_plane(frame.levels)), torch.tensor(float(frame.white))


def _planes(guide: aligned.RgbGuide, frame: Frame) -> Tensor:
    """The JPEG's planes over the padded cells, float32 (7, h, w)."""
    with part("guide"):
        origin = Layout(*frame.shape, frame.phase).origin
        return padded(planes_of(samples_of(make_guide(guide.planes, guide.geometry, frame.shape, origin))[None]))[0]
