"""A JPEG's own Y, Cb and Cr planes, as the DCT decoder leaves them: islow inverse DCT, chroma not upsampled.

libjpeg hands out chroma on its own grid only through interfaces that Python doesn't have, so the planes are had by
asking for a reduced picture. libjpeg reduces inside the inverse DCT, and subsampled components less::

    4:2:0 at full size   Y 8x8 -> 8x8 samples, exact     chroma 8x8, then upsampled
    4:2:0 at half size   Y 8x8 -> 4x4 samples            chroma 8x8 -> 8x8 samples, exact, nothing to upsample

For sampling that differs between the directions (4:2:2, 4:4:0, 4:1:1) the frame header for the chroma pass gets a
fourth component, which no scan ever fills, with so large a factor that the ratio becomes the same in both directions.

Only what the decoder needs reaches it, checked first (`bitstream.jpeg.frame`). libjpeg, libjpeg-turbo and mozjpeg all
give the same samples: T.81 leaves room, their islow doesn't.
"""

from __future__ import annotations

import hashlib
import io
import struct
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from PIL import Image, JpegImagePlugin

from ..errors import InputError, UnsupportedError
from ..runtime.profile import timed
from .frame import Picture
from .segments import Segment

BAND = 256
"""Rows of a decoded picture that are taken over at once."""

TRANSCODE = "`jpegtran -copy all -optimize` makes it a usual one without loss"

T = TypeVar("T")


@dataclass(frozen=True)
class JpegPlanes:
    """The decoded samples of a JPEG.

    y: uint8 (H, W). cb, cr: uint8 (ceil(H / v), ceil(W / h)), 128 is neutral; None for a grayscale JPEG.
    subsampling: (h, v), each 1, 2 or 4: columns and rows of Y per chroma sample; (1, 1) for grayscale.
    quantisation: each component's quantisation table, uint16 (64,) in zigzag order. scan_bytes: of the coded picture.
    """

    y: np.ndarray
    cb: np.ndarray | None
    cr: np.ndarray | None
    subsampling: tuple[int, int]
    quantisation: tuple[np.ndarray, ...]
    scan_bytes: int = 0

    def binding_hash(self) -> bytes:
        """16 bytes that any change of a sample changes and no lossless re-save of the JPEG does.

        SHA-256, cut, over "rawinlay planes 1"; width, height, h, v and number of components as little-endian uint32;
        the quantisation tables as little-endian uint16; the planes row by row.
        """
        with timed("reading"):
            return self._digest()

    def _digest(self) -> bytes:
        digest = hashlib.sha256(b"rawinlay planes 1")
        height, width = self.y.shape
        digest.update(struct.pack("<5I", width, height, *self.subsampling, len(self.quantisation)))
        for table in self.quantisation:
            digest.update(table.astype("<u2").tobytes())
        for plane in (self.y, self.cb, self.cr):
            if plane is not None:
                digest.update(np.ascontiguousarray(plane).data)
        return digest.digest()[:16]


def binding_hash(jpeg: bytes) -> bytes:
    """`JpegPlanes.binding_hash` of a JPEG file; errors as `decode_planes`."""
    return decode_planes(jpeg).binding_hash()


def decode_planes(jpeg: bytes, segments: Sequence[Segment] | None = None) -> JpegPlanes:
    """The planes of a JPEG file's bytes: baseline, sequential or progressive, 8 bits, grayscale or YCbCr.

    segments: those of its header, where they are known already.
    Sampling 4:4:4, 4:2:2, 4:4:0, 4:2:0, 4:1:1 and the like (Y has the most samples, Cb and Cr alike, ratios 1, 2, 4).
    Coded by Huffman or arithmetically: both give the same samples. Raises `UnsupportedError` for anything else and
    `InputError` for a damaged or cut file.
    """
    parsed = Picture(jpeg, segments)
    try:
        if parsed.is_open:
            _check_whole(parsed)
        return planes_of(parsed)
    except InputError as error:
        if not parsed.is_arithmetic:
            raise
        raise UnsupportedError(f"the JPEG is arithmetic-coded, and can't be read here ({error}); {TRANSCODE}") from None


def _check_whole(parsed: Picture) -> None:
    """InputError where the last scan of a picture without EOI is cut: then what stands behind it makes a difference."""
    size, colour = (parsed.width, parsed.height), len(parsed.components) == 3
    mode, channels = ("YCbCr", [0, 1, 2]) if colour else ("L", [0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = (_decode(parsed.stream(behind), mode, size, channels) for behind in (b"", b"\xaa" * 1024))
    if not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True)):
        raise InputError("the JPEG is cut short (no EOI marker)")


def planes_of(parsed: Picture, behind: bytes = b"") -> JpegPlanes:
    """`decode_planes` of a file that has been walked through; behind: bytes behind the last scan's, where it is cut."""
    full = (parsed.width, parsed.height)
    tables = tuple(parsed.quantisation)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if len(parsed.components) == 1:
            (y,) = _decode(parsed.stream(behind), "L", full, [0])
            return JpegPlanes(y, None, None, (1, 1), tables, parsed.scan_bytes)
        h, v = parsed.subsampling
        if h == v == 1:
            y, cb, cr = _decode(parsed.stream(behind), "YCbCr", full, [0, 1, 2])
        else:
            with _Beside(lambda: _decode(parsed.stream(behind), "L", full, [0])[0]) as luma:
                cb, cr = _chroma(parsed, h, v, behind)
            y = luma.result()
    return JpegPlanes(y, cb, cr, (h, v), tables, parsed.scan_bytes)


def _chroma(parsed: Picture, h: int, v: int, behind: bytes) -> list[np.ndarray]:
    """Cb and Cr where they are subsampled."""
    reduced = (-(-parsed.width // h), -(-parsed.height // v))
    if h == v:
        return _decode(parsed.stream(behind), "YCbCr", reduced, [1, 2], h)
    # Pillow takes four components for inverted ink.
    return [255 - plane for plane in _decode(parsed.evened_stream(behind), "CMYK", reduced, [1, 2], max(h, v))]


class _Beside(Generic[T]):
    """Work in a thread of its own as long as this lasts; libjpeg runs without Python's lock."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._done: list[T] = []
        self._error: BaseException | None = None

    def _run(self) -> None:
        try:
            self._done.append(self._work())
        except BaseException as error:
            self._error = error

    def __enter__(self) -> _Beside[T]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def result(self) -> T:
        """What the work returned; what it raised is raised."""
        if self._error is not None:
            raise self._error
        return self._done[0]


def _channels(image: Image.Image, channels: list[int]) -> list[np.ndarray]:
    """Channels of a picture in memory, each uint8 (H, W), band by band: Pillow copies what it hands out twice."""
    width, height = image.size
    planes = [np.empty((height, width), np.uint8) for _ in channels]
    for top in range(0, height, BAND):
        band = image.crop((0, top, width, min(top + BAND, height)))
        for plane, channel in zip(planes, channels, strict=True):
            plane[top : top + BAND] = np.asarray(band.getchannel(channel))
    return planes


def _decode(
    stream: bytes, mode: str, size: tuple[int, int], channels: list[int], reduction: int = 1
) -> list[np.ndarray]:
    """Channels of the stream as libjpeg decodes it in a Pillow mode, reduced by 1, 2 or 4, each uint8 (H, W).

    `size` (width, height) must come out.
    """
    try:
        with timed("reading"), JpegImagePlugin.JpegImageFile(io.BytesIO(stream)) as image:
            image.draft(mode, (image.size[0] // reduction, image.size[1] // reduction))
            image.load()
            planes = _channels(image, channels)
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, ArithmeticError, struct.error) as error:
        raise InputError(f"the JPEG is damaged: {' '.join(str(error).split()) or type(error).__name__}") from error
    if any(plane.shape != (size[1], size[0]) for plane in planes):
        height, width = planes[0].shape
        raise InputError(f"the JPEG decodes to {width}x{height}, not to {size[0]}x{size[1]}")
    return planes
