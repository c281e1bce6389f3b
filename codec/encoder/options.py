"""What can be asked of the encoder: how many bytes or how little error, and how to go about it.

Each object is checked when it is made; `UsageError` says what makes no sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TypedDict, Unpack

from ...bitstream.errors import UsageError
from ...bitstream.jpeg.further import check_share
from ...bitstream.runtime.progress import Progress
from ...bitstream.stream.container import MAX_LAYERS
from ..isp.settings import Settings
from .effort import DEFAULT as DEFAULT_EFFORT
from .effort import LEAST, MOST, Effort

TUNES = ("edit", "psnr")
GUIDES = ("auto", "jpeg", "none")
METADATA = ("auto", "all", "whole", "none")

MAX_RATES = MAX_LAYERS - 1
"""Layers that can be asked for: a finest one, lossless say, comes behind them."""


@dataclass(frozen=True)
class Rate:
    """What the stream should cost: at most one of bpp, size, quality and lossless, and whether in layers.

    bpp: bits per pixel of the mosaic, 0..64; size: bytes that the JPEG may grow by; quality: 0..100, even error.
    trimmable: in layers; layers: where they should end, in ascending bpp (which implies trimmable); empty for the
    codec's choice.
    """

    bpp: float | None = None
    size: int | None = None
    quality: float | None = None
    lossless: bool = False
    trimmable: bool = False
    layers: Sequence[float] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if sum(option is not None for option in (self.bpp, self.size, self.quality)) + self.lossless > 1:
            raise UsageError("give only one of bpp, size, quality and lossless")
        if self.bpp is not None and not 0 < self.bpp <= 64:
            raise UsageError(f"bpp {self.bpp:g}: want a number above 0, at most 64")
        if self.size is not None and not 0 < self.size < 1 << 32:
            raise UsageError(f"size {self.size}: want a number of bytes above 0, below 4 GiB")
        if self.quality is not None and not 0 <= self.quality <= 100:
            raise UsageError(f"quality {self.quality:g}: want 0 to 100")
        rising = all(a < b for a, b in zip((0.0, *self.layers), (*self.layers, 64.0), strict=True))
        if not rising or len(self.layers) > MAX_RATES:
            raise UsageError(f"layers {self.layers}: want up to {MAX_RATES} numbers of bpp, each above the one before")

    @property
    def in_layers(self) -> bool:
        """Whether the stream has layers."""
        return self.trimmable or bool(self.layers)

    def bytes_for(self, sites: int) -> int | None:
        """Bytes that the JPEG of a mosaic of so many sites may grow by; None where error is asked for, not bytes."""
        return self.size if self.bpp is None else int(self.bpp * sites / 8)


@dataclass(frozen=True)
class EncodeOptions:
    """All that `codec.api.encode` can be told.

    tune: "edit" for an error that edits show evenly, "psnr" for one that is even in linear light. effort: 1 to 9, or an
    `Effort`. guide: "auto" for the JPEG wherever it helps (`codec.encoder.guides`), "jpeg" to trust it everywhere,
    "none" to leave it out. device: "auto", "cpu" or "cuda" (`codec.asked.choose_device`). progress: called with what is
    being done and how much of it is. parity: share of the bytes, 0.01 to 0.5, that mends others which are lost.
    metadata: of the RAW: "auto", "all" (its place too, where the JPEG has none), "whole" (the MakerNote however
    large, for archives) or "none". for_edit: the one development in which the error is to be least
    (`codec.encoder.for_edit`).
    """

    rate: Rate = field(default_factory=Rate)
    tune: str = "edit"
    effort: int | Effort = DEFAULT_EFFORT
    device: str = "auto"
    progress: Progress | None = None
    guide: str = "auto"
    parity: float | None = None
    metadata: str = "auto"
    for_edit: Settings | None = None

    def __post_init__(self) -> None:
        check_share(self.parity)
        if self.for_edit and self.tune != "edit":
            raise UsageError(f"an error that is least in one edit is not tuned for {self.tune}: give only one of these")
        if self.tune not in TUNES:
            raise UsageError(f"tune {self.tune!r}: want one of {', '.join(TUNES)}")
        if self.guide not in GUIDES:
            raise UsageError(f"guide {self.guide!r}: want one of {', '.join(GUIDES)}")
        if self.metadata not in METADATA:
            raise UsageError(f"metadata {self.metadata!r}: want one of {', '.join(METADATA)}")
        if isinstance(self.effort, int) and not LEAST <= self.effort <= MOST:
            raise UsageError(f"effort {self.effort}: want {LEAST} to {MOST}")

    @classmethod
    def of(cls, **keywords: Unpack[EncodeKeywords]) -> EncodeOptions:
        """The options of these keywords; TypeError for any other."""
        given: dict = dict(keywords)
        rate = {f.name: given.pop(f.name) for f in fields(Rate) if f.name in given}
        return cls(Rate(**rate), **given)


class EncodeKeywords(TypedDict, total=False):
    """The keywords of `codec.api.encode`: what `Rate` and `EncodeOptions` have, in one row."""

    bpp: float | None
    size: int | None
    quality: float | None
    lossless: bool
    trimmable: bool
    layers: Sequence[float]
    tune: str
    effort: int | Effort
    device: str
    progress: Progress | None
    guide: str
    parity: float | None
    metadata: str
    for_edit: Settings | None
