"""The golden streams of tests/golden, for the tests that decode or damage them."""

import hashlib
import json
from pathlib import Path

from bitstream import embed
from codec.geometry import Geometry
from codec.gpu.stream import decode_with_torch
from codec.guide import make_guide
from codec.jpeg_planes import decode_planes
from codec.stream import Stream

FOLDER = Path(__file__).parent / "golden"
FACTS = json.loads((FOLDER / "golden.json").read_text())
NAMES = list(FACTS["streams"])


def jpeg(name):
    """The bytes of a golden JPEG."""
    return (FOLDER / f"{name}.jpg").read_bytes()


def payload(name):
    return embed.extract(jpeg(name))


def decoded(name, device="cpu"):
    return Stream.from_bytes(payload(name)).decode(decode_planes(jpeg(name)), device=device)


def decoded_by_torch(name):
    """As on a GPU, but for the device."""
    stream, planes = Stream.from_bytes(payload(name)), decode_planes(jpeg(name))
    shape = stream.header.height, stream.header.width
    guide = make_guide(planes, Geometry.from_bytes(stream.header.geometry), shape, stream.layout.origin)
    return decode_with_torch(stream, guide, "cpu", None)


def digest(mosaic):
    """SHA-256 of a mosaic's values, row by row, u16 little-endian."""
    return hashlib.sha256(mosaic.astype("<u2").tobytes()).hexdigest()


def wanted(name):
    return FACTS["streams"][name]["mosaic_sha256"]
