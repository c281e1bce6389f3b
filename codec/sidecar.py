"""The RAW as a file of its own: the superbox of chapter 1 of docs/bitstream.md, as it would lie in the JPEG."""

from __future__ import annotations

from collections.abc import Sequence

from ..bitstream.errors import InputError, StreamError
from ..bitstream.jpeg import jumbf
from ..bitstream.jpeg.carried import carried_stream
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.runtime.files import Source, bytes_of


def sidecar_of(carrier: bytes) -> bytes:
    """The sidecar of a JPEG that carries a RAW; errors as `Jpeg.payload`."""
    return jumbf.box(b"jumb", Jpeg(carrier).superbox)


def sidecar_with(payload: bytes, further: bytes) -> bytes:
    """The sidecar of a stream, with the boxes behind it."""
    return jumbf.box(b"jumb", jumbf.contents(payload) + further)


def sidecar_size(payload_size: int, further: int, ends: Sequence[int] = ()) -> int:
    """Bytes of `sidecar_with` for so many; it has no segments whose ends would matter."""
    return 8 + jumbf.PAYLOAD_AT + payload_size + further


def read_sidecar(source: Source) -> bytes:
    """The superbox's contents of a sidecar. InputError for a file that is none, StreamError for one that is cut."""
    data = bytes_of(source, "sidecar")
    if data[4:8] != b"jumb" or jumbf.LABEL not in data[:256]:
        raise InputError("not a sidecar: it holds no RAW stream in a JUMBF box")
    return data[8:]


def parts(file: Jpeg, sidecar: Source | None) -> tuple[bytes, bytes]:
    """The RAW stream of a JPEG or of its sidecar, and the superbox's contents that it lies in; errors as of both."""
    if sidecar is None:
        return carried_stream(file), file.superbox
    contents = read_sidecar(sidecar)
    return stream_of(contents), contents


def stream_of(contents: bytes) -> bytes:
    """The RAW stream in a sidecar's contents."""
    try:
        return jumbf.embedded_file(contents)
    except StreamError as error:
        raise StreamError(f"the sidecar is damaged or cut off ({error})") from None
