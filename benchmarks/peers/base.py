"""`Peer`: one codec as the benchmark sees it - a name, settings, encode to bytes, decode from bytes and the JPEG.

::

    RawImage, JPEG --encode at a setting--> bytes --decode, with the JPEG if the peer is guided--> mosaic

Encoder and decoder run in processes of their own (`benchmarks.peers.run`) and share nothing but those bytes and, if
the peer is guided, the JPEG: whatever else the decoder needs stands in the bytes and is counted.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...bitstream.errors import UsageError
from ...bitstream.raw_image import RawImage
from ...bitstream.runtime.files import read_file
from .clock import part


class Unavailable(Exception):
    """A peer can't be run here; the message is the reason: a library or weights are missing."""


class Peer(ABC):
    """One codec.

    name: as rows have it, "jxl-linear". guided: whether it is given the JPEG. counts: what side information its bytes
    hold and what they don't, for people. state: of a learned peer, how far it is trained (steps, data, commit).
    """

    name: str
    guided: bool
    counts: str
    state: str = ""

    @abstractmethod
    def settings(self) -> Sequence[str]:
        """From coarse to fine, "distance=2.5"; the same in every run."""

    @abstractmethod
    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        """The mosaic's bytes at a setting, which need not be one of `settings`.

        jpeg: the guide's file, None for a peer that has none. Raises UsageError for a setting that is none or can't be
        met, InputError where the RAW or the JPEG does not suit the peer.
        """

    @abstractmethod
    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        """The mosaic, uint16 (H, W), DN, of what `encode` gave. Raises StreamError where that is damaged."""

    def added(self, data: bytes, jpeg: bytes | None) -> int:
        """Bytes that count: all of them, unless the JPEG stands in `data` too."""
        return len(data)

    def encode_file(self, raw: Path, jpeg: Path | None, setting: str) -> bytes:
        """`encode` of files, timed."""
        from ...codec.source.raw import read_raw

        with part("reading"):
            image = read_raw(raw)
            guide = read_file(jpeg, "JPEG") if jpeg else None
        return self.encode(image, guide, setting)

    def decode_file(self, stream: Path, jpeg: Path | None) -> np.ndarray:
        """`decode` of files, timed."""
        with part("reading"):
            data = read_file(stream, "stream")
            guide = read_file(jpeg, "JPEG") if jpeg else None
        return self.decode(data, guide)


def number(setting: str, name: str) -> float:
    """The number in "name=number"; UsageError for anything else."""
    found, _, text = setting.partition("=")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if found != name or not math.isfinite(value):
        raise UsageError(f"setting {setting!r}: want {name}=NUMBER")
    return value


def need(jpeg: bytes | None) -> bytes:
    """The JPEG of a guided peer; UsageError where none was given."""
    if jpeg is None:
        raise UsageError("this peer is guided: it needs the JPEG")
    return jpeg
