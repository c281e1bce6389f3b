"""The golden streams of tests/format/golden, for the tests that decode or damage them."""

import hashlib
import json
from pathlib import Path

from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.codec.decoder.cuda import decode_with_torch
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.guide.guide import LaidGuide
from rawinlay.codec.recipe.side import SideInfo

FOLDER = Path(__file__).parents[1] / "format" / "golden"
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
    guide = LaidGuide(planes, stream.geometry, shape, stream.layout.origin)
    if stream.cell or (stream.gate and stream.gate.blocks):
        return decoded(name, "cuda")  # two guides are the CPU's affair
    if stream.gate:
        guide = stream.gate.guide(stream.layout)
    return by_torch(stream, guide)


def by_torch(stream, guide):
    """The mosaic of a parsed stream of one layer, given the JPEG laid over it."""
    setup, whole = stream.setup, SideInfo(guide, stream.layout, stream.net())
    mosaic = decode_with_torch(
        setup, whole, stream.params, stream.transforms, stream.substreams, setup.meeting(None), "cpu"
    )  # fmt: skip
    return stream.behind(mosaic, whole, None)


def digest(mosaic):
    """SHA-256 of a mosaic's values, row by row, u16 little-endian."""
    return hashlib.sha256(mosaic.astype("<u2").tobytes()).hexdigest()


def wanted(name):
    return FACTS["streams"][name]["mosaic_sha256"]
