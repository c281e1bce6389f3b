"""Sections DIGM and DIGS: what the mosaic must be once it is decoded, and which files it came from.

CRCs cover bytes; DIGM covers the arithmetic behind them: a decoder that computes otherwise, on whatever machine in
whatever year, is found out.

=======  =====  ==========================================================================
section  bytes  meaning
=======  =====  ==========================================================================
DIGM     8      the first of SHA-256 over the decoded mosaic, u16 row by row
DIGS     32     SHA-256 of the JPEG as it was, which is what taking the RAW out gives back
         32     SHA-256 of the RAW file; not there where the mosaic came from no file
=======  =====  ==========================================================================

A reader takes a section of another length for one that is not there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import StreamError
from .container import section_size

if TYPE_CHECKING:
    import numpy as np

MOSAIC_BYTES, FILE_BYTES = 8, 32
DIGM_SIZE = section_size(MOSAIC_BYTES)


def mosaic_digest(mosaic: np.ndarray) -> bytes:
    """Section DIGM of a mosaic, uint16 (H, W)."""
    return hashlib.sha256(mosaic.astype("<u2", copy=False).tobytes()).digest()[:MOSAIC_BYTES]


def check_mosaic(mosaic: np.ndarray, section: bytes) -> None:
    """`StreamError` where a whole mosaic is not the one that section DIGM names; nothing without such a section."""
    if len(section) == MOSAIC_BYTES and mosaic_digest(mosaic) != section:
        raise StreamError(
            "the decoded RAW is not the one that was encoded, though no byte is damaged: this program or this machine "
            "computes otherwise than it should. Try another version or machine; --unverified gives the RAW all the same"
        )


@dataclass(frozen=True)
class FileDigests:
    """Section DIGS. jpeg: SHA-256 of the JPEG as it was; raw: that of the RAW file, None where there was none."""

    jpeg: bytes
    raw: bytes | None = None

    @classmethod
    def of(cls, jpeg: bytes, raw: bytes | None = None) -> FileDigests:
        """Those of a JPEG without a RAW, and of the digest of a RAW file."""
        return cls(hashlib.sha256(jpeg).digest(), raw)

    @property
    def size(self) -> int:
        """What the section adds to a stream."""
        return section_size(len(self.to_bytes()))

    def to_bytes(self) -> bytes:
        """The section's bytes."""
        return self.jpeg + (self.raw or b"")

    @classmethod
    def from_bytes(cls, section: bytes) -> FileDigests | None:
        """Inverse of `to_bytes`; None for no section, or one of another form."""
        if len(section) not in (FILE_BYTES, 2 * FILE_BYTES):
            return None
        return cls(section[:FILE_BYTES], section[FILE_BYTES:] or None)
