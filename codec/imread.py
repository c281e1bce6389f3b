"""`imread`: the RAW in a JPEG as an object of rawpy, for programs that are written for that."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from ..bitstream.errors import InputError
from ..bitstream.runtime.files import read_file
from .decoder.options import DecodeKeywords

if TYPE_CHECKING:
    import rawpy


def imread(source: str | Path | bytes, **keywords: Unpack[DecodeKeywords]) -> rawpy.RawPy:
    """A `rawpy.RawPy` of the RAW that a JPEG carries, as `rawpy.imread` gives of a RAW file; such a file is opened too.

    source: path or bytes. keywords: of `decode`; `preview` is "none" without. Close it, or use it by `with`. What it
    shows is the DNG that `decode` writes: `raw_image` is its mosaic. Raises as `decode`, and InputError for a file
    that LibRaw can't open.
    """
    import rawpy

    data = source if isinstance(source, bytes) else read_file(source, "JPEG")
    if data[:2] == b"\xff\xd8":
        from .api import decode

        data = decode(data, **{"preview": "none", **keywords}).dng()  # type: ignore[arg-type]
    raw = rawpy.RawPy()
    try:
        raw.open_buffer(io.BytesIO(data))
    except rawpy.LibRawError as error:
        raw.close()
        text = error.args[0] if error.args else error
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        raise InputError(f"LibRaw can't open the RAW: {said}") from error
    return raw
