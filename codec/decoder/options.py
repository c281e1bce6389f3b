"""What can be asked of `codec.api.decode`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from ...bitstream.runtime.files import Source
from ...bitstream.runtime.progress import Progress


@dataclass(frozen=True)
class DecodeOptions:
    """Every field as `codec.api.decode` has it."""

    crop: tuple[int, int, int, int] | None = None
    preview: str = "screen"
    grain: bool = False
    sidecar: Source | None = None
    salvage: bool = False
    unverified: bool = False
    max_pixels: int | None = None
    unbounded: bool = False
    device: str = "auto"
    progress: Progress | None = None


class DecodeKeywords(TypedDict, total=False):
    """The same as keywords."""

    crop: tuple[int, int, int, int] | None
    preview: str
    grain: bool
    sidecar: Source | None
    salvage: bool
    unverified: bool
    max_pixels: int | None
    unbounded: bool
    device: str
    progress: Progress | None
