"""Our own closed-form codec, the floor that learning must beat: with the guide, and without what it says.

`trunk` is the codec without what was learned or added to it since: basic features, one recipe for the whole picture,
the in-place and the Haar basis, a trellis of four states. `trunk-blind` is the same coder given a black picture of the
mosaic's size in place of the JPEG: every feature but the constant is zero, so the recipe is a constant for each plane,
and the guide's contexts say nothing. It has no JPEG, so its bytes are the bare stream, without tags for the DNG.
`rawinlay-blind` is all of the codec without a JPEG (`encode --no-guide`), counted likewise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...bitstream.errors import StreamError, UsageError
from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.raw_image import RawImage
from ...codec.api import decode_arrays, encode_arrays
from ...codec.decoder.stream import Stream
from ...codec.encoder.effort import DEFAULT, Effort
from ...codec.encoder.encode import encode_stream
from ...codec.encoder.options import EncodeOptions, Rate
from ...codec.guide.geometry import Geometry
from .base import Peer, need, number
from .ours import SETTINGS

EFFORT = Effort(states=2, haar=True, powers=False, learned=False, local=(), windows=16)


class Trunk(Peer):
    """`trunk`."""

    name = "trunk"
    guided = True
    counts = "everything: what the JPEG grows by, the DNG's tags and the segments' own bytes included"

    def settings(self) -> Sequence[str]:
        return SETTINGS

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        lossless, bpp = rate_of(setting)
        options = EncodeOptions(
            Rate(bpp=bpp, lossless=lossless), tune="psnr", effort=EFFORT, device="cpu", guide="jpeg"
        )
        return encode_arrays(raw, need(jpeg), options=options).jpeg

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        return decode_arrays(data, device="cpu").mosaic

    def added(self, data: bytes, jpeg: bytes | None) -> int:
        return len(data) - len(need(jpeg))


class BlindTrunk(Peer):
    """`trunk-blind` and `rawinlay-blind`."""

    name = "trunk-blind"
    guided = False
    effort: int | Effort = EFFORT
    guide = "jpeg"
    counts = "size, CFA phase, levels, the constant recipe, the stages' parameters, checksums"

    def settings(self) -> Sequence[str]:
        return SETTINGS

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        lossless, bpp = rate_of(setting)
        options = EncodeOptions(Rate(bpp=bpp, lossless=lossless), tune="psnr", effort=self.effort, guide=self.guide)
        return encode_stream(raw, _black(*raw.mosaic.shape), Geometry(), options, b"", len)

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        stream = Stream.from_bytes(data)
        planes = _black(stream.header.height, stream.header.width)
        if stream.header.binding != planes.binding_hash():
            raise StreamError("the stream was made with a guide")
        return stream.decode(planes)


class Blind(BlindTrunk):
    """`rawinlay-blind`."""

    name = "rawinlay-blind"
    counts = "everything in the stream: its own guide, header, recipe, parameters, checksums"
    effort = DEFAULT
    guide = "none"


def rate_of(setting: str) -> tuple[bool, float | None]:
    """Whether the setting is lossless, and its bits per pixel if not; UsageError where they can't be."""
    if setting == "lossless":
        return True, None
    bpp = number(setting, "bpp")
    if not 0 < bpp <= 64:
        raise UsageError(f"setting {setting!r}: want bits per pixel above 0, at most 64")
    return False, bpp


def _black(height: int, width: int) -> JpegPlanes:
    return JpegPlanes(np.zeros((height, width), np.uint8), None, None, (1, 1), (np.ones(64, np.uint16),))
