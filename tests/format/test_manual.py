"""Another implementation, written from the manual, decodes the same mosaics."""

import ast
import hashlib
import io
import re
import sys
from dataclasses import fields
from pathlib import Path

import goldens
import manual
import manual_cell
import manual_container
import manual_grain
import numpy as np
import pytest
from PIL import Image
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.jpeg.segments import read_segments, segment_bytes
from rawinlay.bitstream.stream.container import Container
from rawinlay.bitstream.stream.header import Header
from rawinlay.bitstream.stream.layers import Prefixes
from rawinlay.codec.decoder.grain import Grain
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder.effort import Effort
from rawinlay.codec.guide.geometry import Geometry
from rawinlay.codec.stages.quantiser import CODES
from scenes import Scene, scene

REPOSITORY = Path(__file__).parents[2]


def by_the_manual(payload, planes):
    stream = header, _, _ = manual_container.read_stream(payload)
    with np.load(io.BytesIO((REPOSITORY / f"entropy/models/{header.model.hex()}.npz").read_bytes())) as archive:
        tables = dict(archive)
    name = header.net.hex()
    net = (REPOSITORY / f"codec/recipe/nets/{name}.safetensors").read_bytes() if name else b""
    return manual.decode(stream, planes, tables, net, decode_planes)


def test_grain():
    """What the manual adds to the decoded mosaic is what the product does, and what it always did."""
    header, sections, _ = manual_container.read_stream(goldens.payload("grain"))
    found = manual_grain.grained(header, sections["NOIS"], goldens.decoded("grain"))
    assert goldens.digest(found) == goldens.FACTS["streams"]["grain"]["grain_sha256"]
    stream = Stream.from_bytes(goldens.payload("grain"))
    assert np.array_equal(found, Grain(stream.header, stream.noise).add(goldens.decoded("grain")))


def test_levels():
    """The values of floating-point numbers, as the manual has them."""
    _, sections, _ = manual_container.read_stream(goldens.payload("floating"))
    mosaic, levels = goldens.decoded("floating"), Stream.from_bytes(goldens.payload("floating")).levels
    found, told = manual_cell.read_levels(sections["LEVL"], mosaic)
    assert found.tobytes() == levels.values(mosaic).tobytes() and told == (levels.white, *levels.black)


def test_nothing_of_the_product_is_in_the_second_decoder():
    for path in Path(manual.__file__).parent.glob("manual*.py"):
        assert "rawinlay." not in re.sub(r"org\.rawinlay\.raw", "", path.read_text()), path
        tree = ast.parse(path.read_text())
        named = [getattr(n, "module", None) or n.names[0].name for n in ast.walk(tree)
                 if isinstance(n, ast.Import | ast.ImportFrom)]  # fmt: skip
        parts = {name.split(".")[0] for name in named}
        assert {p for p in parts if not p.startswith("manual")} <= {*sys.stdlib_module_names, "numpy"}, path


FILES = [goldens.FOLDER / f"{name}.jpg" for name in goldens.NAMES]
FILES += sorted(REPOSITORY.glob("tests/compatibility/*/*.jpg"))


@pytest.mark.parametrize("path", FILES, ids=[f"{p.parent.name}/{p.stem}" for p in FILES])
def test_container_and_header(path):
    """What the manual's text says of a file's bytes is what the product makes of them."""
    jpeg = path.read_bytes()
    payload = manual_container.payload_of(jpeg)
    assert payload == embed.extract(jpeg)
    header, sections, substreams = manual_container.read_stream(payload)
    container = Container.from_bytes(payload)
    wanted = Header.from_bytes(container.sections["HEAD"])
    assert sections == container.sections and substreams == container.substreams
    assert vars(header) == {field.name: getattr(wanted, field.name) for field in fields(wanted)}
    assert (header.phase, tuple(header.levels)) == (wanted.phase, wanted.levels)
    assert manual_container.binding(jpeg, decode_planes(jpeg)) == header.binding


@pytest.mark.parametrize("size", [1, 65_350, 65_365, 65_370, 200_000])
def test_parts_of_the_box(size):
    """Of every number, in any order, doubled, joined and split anew as ImageMagick does, behind somebody else's box."""
    stream, jpeg = bytes(range(256)) * (size // 256 + 1), goldens.jpeg(goldens.NAMES[0])
    stream = Container({"HEAD": stream[:size]}).to_bytes()
    carrier = embed.embed(embed.strip(jpeg), stream)
    assert manual_container.payload_of(carrier) == stream
    ours = [s for s in read_segments(carrier) if s.marker == 0xEB]
    turned = b"".join(carrier[s.start : s.end] for s in [*ours[::-1], ours[0]])
    shuffled = carrier[: ours[0].start] + turned + carrier[ours[-1].end :]
    assert manual_container.payload_of(shuffled) == embed.extract(shuffled) == stream
    joined = b"JP\0\7 of another" + b"".join(s.payload for s in ours)
    split = b"".join(segment_bytes(0xEB, joined[at : at + 65533]) for at in range(0, len(joined), 65533))
    moved = carrier[: ours[0].start] + split + carrier[ours[-1].end :]
    if len(ours) > 1:  # a single one comes out whole, as a part of the other box
        assert manual_container.payload_of(moved) == embed.extract(moved) == stream
    assert manual_container.payload_of(embed.strip(carrier)) is None


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


def saturated():
    """A picture with a clipped corner, in RAW and JPEG, whose guide wavers there."""
    picture = scene((48, 64), "GRBG", bits=12, black=(60, 64, 68, 72), quality=70)
    picture.raw.mosaic[:24, :30] = np.where(np.indices((24, 30)).sum(0) % 2, 3900, 3800)
    shown = np.array(Image.open(io.BytesIO(picture.jpeg)))
    shown[:24, :30] = np.random.default_rng(1).integers(250, 256, (24, 30, 1))
    out = io.BytesIO()
    Image.fromarray(shown).save(out, "JPEG", quality=95)
    return Scene(picture.raw, out.getvalue(), picture.geometry)


ASKEW = Geometry.of_map(
    5, (22, 31), np.array([[0.9, 0.1, 1.5], [-0.1, 0.95, 2.0], [2e-3, 1e-3, 1]]), lens=(0.1, 0, 0, 0)
)

PICTURES = {
    "saturated": saturated(),
    **{f"turned {o}": scene((22, 31), "GRBG", subsampling=o % 3, geometry=Geometry(o)) for o in range(2, 9)},
    "half size": scene((40, 52), "GBRG", geometry=Geometry(1, (-1000, 2000), (1 << 23, 1 << 23))),
    "askew": scene((22, 31), "GRBG", geometry=ASKEW),
    "gray": gray(scene((24, 32), "BGGR")),
    "noise": scene((20, 26), bits=16, mosaic=NOISE),
    "tiny": scene((3, 2), "BGGR"),
    "dark frame": scene((16, 20), black=(1024,) * 4, mosaic=NOISE[:16, :20] // 6000),
    "above white": scene((24, 32), bits=12, black=(60, 64, 68, 72), white=1500),
}


@pytest.mark.parametrize("name", ["saturated", "turned 5", "gray", "noise", "tiny", "dark frame", "above white"])
def test_lossless(name):
    picture = PICTURES[name]
    assert np.array_equal(by_the_manual(picture.encode(lossless=True), picture.planes), picture.raw.mosaic)


@pytest.mark.parametrize("name", PICTURES)
def test_other_pictures(name):
    picture = PICTURES[name]
    quality = 100 if name in ("noise", "dark frame") else 80
    payload = picture.encode(quality=quality, tune="edit" if "t" in name else "psnr")
    assert np.array_equal(by_the_manual(payload, picture.planes), Stream.from_bytes(payload).decode(picture.planes))


def test_a_local_recipe():
    """The encoder's own, for a corner that is darker than the JPEG shows it; lossy and lossless."""
    picture = scene((150, 164), "GBRG", "texture", seed=4)
    corner = picture.raw.mosaic[:64, :64]
    corner[...] = 512 + (corner - 512) * 0.6
    for options in ({"quality": 60}, {"lossless": True}):
        payload = picture.encode(**options, effort=Effort(local=(32,)))
        assert Stream.from_bytes(payload).recipe.local is not None
        assert np.array_equal(by_the_manual(payload, picture.planes), Stream.from_bytes(payload).decode(picture.planes))


@pytest.mark.parametrize("states", CODES)
def test_every_trellis(states):
    picture = scene((24, 40), "GRBG", seed=states)
    payload = picture.encode(quality=85, effort=Effort(states))
    assert Stream.from_bytes(payload).header.states == states
    assert np.array_equal(by_the_manual(payload, picture.planes), Stream.from_bytes(payload).decode(picture.planes))


@pytest.mark.parametrize("name", ["turned 5", "askew", "noise", "tiny", "dark frame", "above white"])
@pytest.mark.parametrize("share", [1.0, 0.6, 0.3])
def test_layers(name, share):
    """A lossless stream in layers, whole and cut."""
    picture = PICTURES[name]
    payload = picture.encode(lossless=True, trimmable=True)
    prefixes = Prefixes(payload)
    cut, _ = prefixes.cut(int(share * prefixes.last))
    mosaic = by_the_manual(cut, picture.planes)
    assert np.array_equal(mosaic, Stream.from_bytes(cut).decode(picture.planes))
    assert np.array_equal(mosaic, picture.raw.mosaic) or share < 1


def test_the_border_by_the_manual():
    header, sections, _ = manual_container.read_stream(goldens.payload("bordered"))
    frame, (top, left) = manual_container.read_border(sections["BORD"], header.height, header.width)
    whole = np.array(frame)
    mosaic = whole[top : top + header.height, left : left + header.width]
    assert np.all(mosaic == -1) and np.sum(whole < 0) == mosaic.size
    mosaic[:] = goldens.decoded("bordered")
    digest = hashlib.sha256(whole.astype("<u2").tobytes()).hexdigest()
    assert digest == goldens.FACTS["streams"]["bordered"]["frame_sha256"]
