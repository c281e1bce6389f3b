"""A file's bytes with the question whether something lies within them."""

from __future__ import annotations

import struct
from typing import Any

from ...bitstream.errors import InputError


class Reach:
    """data: the whole file's bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def need(self, start: int, size: int, what: str) -> None:
        """InputError where `size` bytes from `start` are not all there; what: in words, for the message."""
        have = len(self.data)
        if start < 0 or size < 0 or start + size > have:
            raise InputError(f"the file is cut short: {what} goes to byte {start + size}, the file has {have}")

    def numbers(self, form: str, at: int) -> tuple[Any, ...]:
        """As `struct.unpack_from`; InputError beyond the end."""
        self.need(at, struct.calcsize(form), "its directory")
        return struct.unpack_from(form, self.data, at)
