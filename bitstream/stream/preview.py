"""Section PREV: which picture shows the mosaic as its camera does, for the preview of the DNG.

Programs that develop a DNG take the camera's tones from its preview (RawTherapee's auto-matched curve does), so that
must be the camera's picture, not any JPEG that an editor made of the RAW.

======  ==============================================================================================
bytes   meaning
======  ==============================================================================================
u8      0: the RAW's own preview follows; 1: the JPEG that carries the RAW is the camera's own picture
rest    for 0: a baseline JPEG without application segments, lying as the mosaic does (not turned)
======  ==============================================================================================

The JPEG has at most 2^18 bytes, and 1024 pixels a side. A reader takes a section of another kind, or with a JPEG that
does not open, for one that is not there.
"""

from __future__ import annotations

from dataclasses import dataclass

OWN, JPEG = 0, 1
MOST_BYTES, MOST_SIDE = 1 << 18, 1024  # of the picture


@dataclass(frozen=True)
class CarriedPreview:
    """own: a small version of the preview that the RAW had; None: the JPEG that carries it shows the same."""

    own: bytes | None = None

    def to_bytes(self) -> bytes:
        """The section's bytes."""
        return bytes([JPEG]) if self.own is None else bytes([OWN]) + self.own

    @classmethod
    def from_bytes(cls, section: bytes) -> CarriedPreview | None:
        """Inverse of `to_bytes`; None for no section, or one of a kind that is not known here."""
        if section[:1] == bytes([OWN]) and 1 < len(section) <= MOST_BYTES + 1:
            return cls(section[1:])
        return cls() if section == bytes([JPEG]) else None
