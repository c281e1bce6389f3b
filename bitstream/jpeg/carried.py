"""The RAW stream that a JPEG carries, told apart: none, damaged, of another picture."""

from __future__ import annotations

from ..errors import InputError, NoRawError, StreamError, UnsupportedError
from ..stream.container import MAGIC
from ..stream.limits import check_pixels
from . import embed
from .file import Jpeg
from .jumbf import EN, LABEL, MIME
from .planes import JpegPlanes

# What the first segment of our box holds near its start. One damaged byte leaves all but one of them.
TRACES = (b"JP" + EN.to_bytes(2, "big"), b"jumb", LABEL, MIME, b"bidb" + MAGIC)
START = 160

ANOTHER = "the RAW belongs to another JPEG, or the picture was changed since"


class AnotherPictureError(StreamError):
    """The JPEG's picture is not the one that the RAW is bound to."""


def carried_stream(jpeg: Jpeg) -> bytes:
    """The payload in a JPEG's segments.

    Raises NoRawError where it carries none, InputError for what is no JPEG, StreamError where there are traces of a RAW
    that can't be had: the file is cut, or its segments are damaged.
    """
    try:
        return jpeg.payload
    except NoRawError as error:
        if not any(_traces(segment.payload[:START]) >= len(TRACES) - 1 for segment in jpeg.segments):
            raise
        reason = str(error)
    except InputError as error:
        if _traces(jpeg.data) < len(TRACES) - 1 and embed.FLAG_NAMESPACE not in jpeg.data:
            raise
        reason = str(error)
    raise StreamError(f"the RAW in the JPEG is damaged or cut off ({reason})")


def check_binding(jpeg: Jpeg, binding: bytes, max_pixels: int | None = None) -> JpegPlanes:
    """The planes of a JPEG whose RAW is bound to the picture `binding`; StreamError where it is another picture.

    max_pixels: InputError for a JPEG of more, before it is decoded.
    """
    if max_pixels is not None:
        check_pixels(jpeg.frame.width, jpeg.frame.height, max_pixels, "the JPEG")
    try:
        planes = jpeg.planes
    except UnsupportedError as error:
        raise StreamError(f"the RAW can't be decoded with the JPEG's picture as it is now: {error}") from None
    except InputError as error:
        raise StreamError(f"the JPEG's picture, without which its RAW can't be decoded, is damaged ({error})") from None
    if planes.binding_hash() != binding:
        raise AnotherPictureError(ANOTHER)
    return planes


def _traces(data: bytes) -> int:
    return sum(trace in data for trace in TRACES)
