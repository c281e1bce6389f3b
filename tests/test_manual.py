"""Another implementation, written from the manual, decodes the same mosaics."""

import io
from importlib import resources

import goldens
import manual
import numpy as np
import pytest
from PIL import Image
from scenes import Scene, scene

from bitstream.container import Container
from bitstream.layers import Prefixes
from codec.geometry import Geometry
from codec.jpeg_planes import decode_planes
from codec.stream import Stream


def by_the_manual(payload, planes):
    stream = Stream.from_bytes(payload)
    with np.load(io.BytesIO(resources.files("entropy").joinpath("tables.npz").read_bytes())) as archive:
        tables = dict(archive)
    sections = Container.from_bytes(payload).sections
    return manual.decode(stream.header, sections, stream.substreams, planes, tables, stream.finer)


@pytest.mark.parametrize("name", goldens.NAMES)
def test_golden_streams(name):
    mosaic = by_the_manual(goldens.payload(name), decode_planes(goldens.jpeg(name)))
    assert goldens.digest(mosaic) == goldens.wanted(name)


def gray(picture):
    """The picture with a JPEG of one component."""
    out = io.BytesIO()
    Image.open(io.BytesIO(picture.jpeg)).convert("L").save(out, "JPEG", quality=90)
    return Scene(picture.raw, out.getvalue(), picture.geometry)


NOISE = np.random.default_rng(0).integers(0, 65536, (20, 26)).astype(np.uint16)
PICTURES = {
    **{f"turned {o}": scene((22, 31), "GRBG", subsampling=o % 3, geometry=Geometry(o)) for o in range(2, 9)},
    "half size": scene((40, 52), "GBRG", geometry=Geometry(1, (-1000, 2000), (1 << 23, 1 << 23))),
    "gray": gray(scene((24, 32), "BGGR")),
    "noise": scene((20, 26), bits=16, mosaic=NOISE),
    "tiny": scene((3, 2), "BGGR"),
    "dark frame": scene((16, 20), black=(1024,) * 4, mosaic=NOISE[:16, :20] // 6000),
    "above white": scene((24, 32), bits=12, black=(60, 64, 68, 72), white=1500),
}


@pytest.mark.parametrize("name", ["turned 5", "gray", "noise", "tiny", "dark frame", "above white"])
def test_lossless(name):
    picture = PICTURES[name]
    assert np.array_equal(by_the_manual(picture.encode(lossless=True), picture.planes), picture.raw.mosaic)


@pytest.mark.parametrize("name", PICTURES)
def test_other_pictures(name):
    picture = PICTURES[name]
    quality = 100 if name in ("noise", "dark frame") else 80
    payload = picture.encode(quality=quality, tune="edit" if "t" in name else "psnr")
    assert np.array_equal(by_the_manual(payload, picture.planes), Stream.from_bytes(payload).decode(picture.planes))


@pytest.mark.parametrize("name", ["turned 5", "noise", "tiny", "dark frame", "above white"])
@pytest.mark.parametrize("share", [1.0, 0.6, 0.3])
def test_layers(name, share):
    """A lossless stream in layers, whole and cut."""
    picture = PICTURES[name]
    payload = picture.encode(lossless=True, layers=())
    prefixes = Prefixes(payload)
    cut, _ = prefixes.cut(int(share * prefixes.last))
    mosaic = by_the_manual(cut, picture.planes)
    assert np.array_equal(mosaic, Stream.from_bytes(cut).decode(picture.planes))
    assert np.array_equal(mosaic, picture.raw.mosaic) or share < 1
