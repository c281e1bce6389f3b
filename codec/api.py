"""The Python interface: `encode`, `decode`, `info`, `strip`, `trim`, `verify`, and the first two on arrays.

Files are given as paths or as their bytes; results are bytes. Nothing here writes a file. Errors are those of
`bitstream.errors`: one line each that says what is wrong with which thing. Each function stands with what it does, in
a file of its own.
"""

from __future__ import annotations

from ..bitstream.jpeg import embed
from ..bitstream.runtime.files import Source, bytes_of
from ..bitstream.runtime.progress import Progress
from .decoder.options import DecodeOptions
from .decoding import Decoded, decode, decode_arrays
from .encoder.options import EncodeOptions, Rate
from .encoding import Encoded, encode, encode_arrays
from .info import Info, info
from .trim import Trimmed, trim
from .verify import Verified, verify

__all__ = [
    "DecodeOptions", "Decoded", "EncodeOptions", "Encoded", "Info", "Progress", "Rate", "Source", "Trimmed", "Verified",
    "decode", "decode_arrays", "encode", "encode_arrays", "info", "strip", "trim", "verify",
]  # fmt: skip


def strip(jpeg: Source, *, metadata: bool = False) -> bytes:
    """The JPEG without its RAW: byte for byte what `encode` was given, if nothing else changed it since.

    metadata: with its RAW, which no longer says anything of people, times, places and things (`codec.metadata`).
    Raises NoRawError where it carries none, InputError where it is no JPEG.
    """
    from .metadata import strip_metadata

    data = bytes_of(jpeg, "JPEG")
    return strip_metadata(data) if metadata else embed.strip(data)
