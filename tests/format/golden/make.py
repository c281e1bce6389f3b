"""Make the golden streams: `python tests/format/golden/make.py`, after a change of the format or of the tables; or some
of them, by name.

Small JPEGs with a RAW, and golden.json with what they must decode to. The encoder works in floating point and may give
other bytes on another machine; the decoder never may.
"""

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "support")]

import numpy as np  # noqa: E402
from rawinlay.bitstream.jpeg import embed  # noqa: E402
from rawinlay.bitstream.raw_image import Border, MakerNote  # noqa: E402
from rawinlay.bitstream.stream.bias import Bias  # noqa: E402
from rawinlay.bitstream.stream.border import border_bytes, parse_border  # noqa: E402
from rawinlay.bitstream.stream.container import with_sections  # noqa: E402
from rawinlay.bitstream.stream.digests import FileDigests  # noqa: E402
from rawinlay.bitstream.stream.noise import CarriedNoise  # noqa: E402
from rawinlay.bitstream.tiff import tiff  # noqa: E402
from rawinlay.bitstream.tiff.meta import Meta  # noqa: E402
from rawinlay.codec.decoder.grain import Grain  # noqa: E402
from rawinlay.codec.decoder.stream import Stream, pack_transforms  # noqa: E402
from rawinlay.codec.encoder.effort import Effort  # noqa: E402
from rawinlay.codec.encoder.job import Job  # noqa: E402
from rawinlay.codec.encoder.options import EncodeOptions  # noqa: E402
from rawinlay.codec.encoder.stream_writer import stream_bytes  # noqa: E402
from rawinlay.codec.guide.geometry import Geometry, Warp  # noqa: E402
from rawinlay.codec.mosaic.layout import tiles  # noqa: E402
from rawinlay.codec.recipe.corrections import TERMS, LocalRecipe, grid  # noqa: E402
from rawinlay.codec.recipe.look import CLASSES, COUNTS, Look  # noqa: E402
from rawinlay.codec.stages.order import HAAR, IN_PLACE  # noqa: E402
from rawinlay.entropy.tables import load  # noqa: E402
from scenes import fit_transforms, multiplied, painted, scene  # noqa: E402
from sensors import of_sensor  # noqa: E402

WARPED = Geometry(1, (5000, -2500), (1 << 24, (1 << 24) + 9000), Warp((170_000, 210_000), (9000, -4000, 700, 500)))
ANGLE = np.radians(3.0)
PROJECTED = Geometry.of_map(
    6, (60, 86), np.array([[np.cos(ANGLE), np.sin(ANGLE), -2.5], [-np.sin(ANGLE), np.cos(ANGLE), 4.25], [6e-4, -4e-4,
    1]]), (40.0, 31.5), (0.02, -0.06, 0.03, -0.01), (0.004, -0.003, -0.005, 0.002),
)  # fmt: skip
BASIS_NAMES = {IN_PLACE: "in place", HAAR: "haar"}


def looked(kind, seed):
    """A second look of small random coefficients."""
    rng = np.random.default_rng(seed)
    count, classes = COUNTS[kind], max(CLASSES[kind]) + 1
    exponents = rng.integers(0, 4, count)
    exponents[-1] = 9
    matrix = np.array([[1900, -400, -100], [-150, 1300, -250], [20, -500, 2300]])
    knots = np.clip(np.arange(33) * np.array([[124], [127], [130]]) + rng.integers(-9, 10, (3, 33)), 0, 4096)
    return Look(kind, matrix, knots, exponents, rng.integers(-5, 6, (classes, count)))


def recoded(picture, payload, transforms, side, states, more=False, look=None):
    """The payload coded again over the transforms given, tile by tile in turn, with another trellis.

    more: with learned features and with corrections by block, in every term and in most blocks, help or not; "local":
    with these alone. look: a second look, alike.
    """
    header = replace(Stream.from_bytes(payload).header, states=states)
    options = EncodeOptions(effort=Effort(states, learned=more is True))
    job = Job.of(picture.raw, picture.planes, picture.geometry, header, len, options)
    cells = job.picture.layout.cells
    recipe = job.recipes.learned if more is True else job.recipes.plain
    recipe = recipe.with_local(corrections(cells)) if more else recipe
    used = job.candidate(replace(recipe, look=look))
    fitted = fit_transforms(used.encoder, header.step)
    count = len(tiles(*cells, side))
    chosen = [transforms[n % len(transforms)] for n in range(count)]
    coded = used.encoder.encode(header.step, fitted, side, transforms=chosen)
    header = replace(used.header, tile=side // 2, transforms=pack_transforms(chosen))
    return stream_bytes(Stream(header, used.recipe, fitted.params, chosen, coded.substreams))


def corrections(cells, side=32, share=0.7):
    """A local recipe of small random corrections."""
    rng = np.random.default_rng(0)
    count = len(TERMS)
    drawn = rng.integers(-9, 10, (*grid(cells, side), 4, count))
    return LocalRecipe(side, np.arange(count) % 4 + 11, drawn * (rng.random(drawn.shape[:3]) < share)[..., None])


def digest(mosaic):
    return hashlib.sha256(mosaic.astype("<u2").tobytes()).hexdigest()


def pictures():
    """Name, picture, payload."""
    plain = scene((72, 96), "RGGB", seed=1, bits=10, black=(64,) * 4)
    yield "plain", plain, plain.encode(quality=55, tune="psnr")
    odd = scene((91, 67), "GBRG", "texture", seed=2, black=(500, 510.5, 520, 530.25), subsampling=2)
    yield "edit-tiles", odd, recoded(odd, odd.encode(quality=75, tune="edit"), [HAAR, IN_PLACE, IN_PLACE], 16, 5)
    jpeg = {"progressive": True, "subsampling": 1}
    warped = scene((64, 80), "BGGR", seed=3, bits=12, black=(128,) * 4, geometry=WARPED, **jpeg)
    yield "warped", warped, warped.encode(quality=90, tune="psnr")
    askew = scene((60, 86), "GRBG", seed=7, jpeg_shape=(90, 66), geometry=PROJECTED, subsampling=1)
    yield "projected", askew, askew.encode(quality=80, tune="psnr")
    patchy = scene((131, 150), "GBRG", seed=5, jpeg_shape=(132, 152))
    first = patchy.encode(quality=45, tune="psnr")
    yield "learned-local", patchy, recoded(patchy, first, [IN_PLACE, HAAR], 48, 3, more=True)
    part = painted(scene((97, 124), "GBRG", seed=8, bits=12, black=(64,) * 4), np.s_[:], np.s_[70:])
    yield "gated", part, part.encode(quality=50, tune="psnr")
    other = painted(scene((70, 82), "BGGR", seed=9), np.s_[:], np.s_[:])
    yield "own-guide", other, other.encode(quality=70, guide="none", tune="psnr")
    prediction = scene((50, 62), "GRBG", "soft", seed=4, bits=16)
    few = scene((50, 62), "GRBG", "soft", seed=4, bits=16, mosaic=prediction.raw.mosaic // 96 * 96 + 7)
    yield "values", few, few.encode(quality=100, tune="psnr")
    bright = scene((43, 58), "RGGB", seed=6, bits=12, black=(64, 66, 62, 64), white=2600)
    bright.raw.mosaic[:14, :20] = 4095
    yield "lossless", bright, bright.encode(lossless=True, tune="psnr")
    gained = multiplied(scene((57, 75), "BGGR", seed=4, bits=12, black=(64, 66, 62, 64)))
    yield "values-by-plane", gained, gained.encode(lossless=True, tune="psnr")
    again = scene((75, 94), "GRBG", seed=7, bits=14, black=(510, 512, 514, 509), subsampling=0)
    first = again.encode(quality=60, tune="psnr")
    yield "looked", again, recoded(again, first, [HAAR, IN_PLACE], 24, 3, more=True, look=looked(0, 1))
    mirrored = scene((61, 83), "BGGR", "texture", seed=8, bits=12, geometry=WARPED, subsampling=2)
    first = mirrored.encode(lossless=True, tune="psnr")
    yield "looked-mirrored", mirrored, recoded(mirrored, first, [IN_PLACE], 32, 3, look=looked(1, 2))
    yield from looked_behind(part)
    named = scene((58, 47), "BGGR", "texture", seed=7, bits=12, black=(128,) * 4)
    files = FileDigests.of(named.jpeg, hashlib.sha256(b"a RAW file").digest())
    yield "digests", named, with_sections(named.encode(quality=50, tune="psnr"), {"DIGS": files.to_bytes()})
    framed = plain.encode(quality=30, tune="psnr")
    yield "bordered", plain, with_sections(framed, {"BORD": border_bytes(border(plain.raw))})
    yield "described", plain, with_sections(framed, {"META": described().to_bytes()})
    grainy = scene((75, 101), "BGGR", seed=8, bits=12, black=(250, 256, 260, 255.5), subsampling=2)
    yield "grain", grainy, noisy(grainy.encode(quality=40))


def looked_behind(part):
    """Streams with a second look behind the loop; part: a picture that its JPEG shows in part."""
    behind = scene((67, 90), "GBRG", seed=10, bits=12, black=(64, 66, 62, 64), white=2900, subsampling=2)
    behind.raw.mosaic[:14, :20] = 4095
    first = Stream.from_bytes(behind.encode(quality=50, tune="psnr"))
    yield "post", behind, stream_bytes(replace(first, recipe=replace(first.recipe, look=None), post=looked(1, 3)))
    drawn = np.random.default_rng(4).integers(0, 256, 48).tolist()
    shifted = replace(first, recipe=replace(first.recipe, look=None), post=looked(1, 3), bias=Bias(13, tuple(drawn)))
    yield "biased", behind, stream_bytes(shifted)
    whole = recoded(behind, stream_bytes(first), [HAAR, IN_PLACE], 24, 3, look=looked(3, 4))
    yield "directed", behind, stream_bytes(replace(Stream.from_bytes(whole), post=looked(2, 5)))
    first = Stream.from_bytes(part.encode(quality=30, tune="psnr"))
    yield "post-gated", part, stream_bytes(replace(first, post=looked(0, 6)))
    for name, kind, options in (
        ("filter-of-six", "xtrans", {"quality": 60, "tune": "psnr"}), ("one-colour", "one", {"lossless": True}),
        ("three-values", "several", {"quality": 80, "guide": "none", "tune": "psnr"}),
        ("four-by-four", "quad", {"quality": 85}), ("floating", "half", {"lossless": True}),
    ):  # fmt: skip
        sensed = of_sensor(kind, (31, 44), seed=3)
        yield name, sensed, sensed.encode(**options)


def described():
    """Metadata in each place of section META, a MakerNote with a directory below its first among it."""
    note = MakerNote(b"OLYMPUS\0II\3\0", 0, False, {0x100: tiff.pack_value(tiff.SSHORT, -7, 300)},
                     {0x2010: {0x203: tiff.pack_ascii("A lens")}}, (0x99, 0x2020))  # fmt: skip
    return Meta(
        {270: tiff.pack_ascii("A caption"), 18246: tiff.pack_value(tiff.SHORT, 4)},
        {28722: tiff.pack_value(tiff.SSHORT, 16, -1, 20)},
        {42036: tiff.pack_ascii("Lens 18-55"), 33434: tiff.pack_value(tiff.RATIONAL, 1, 250)},
        {1: tiff.pack_ascii("N"), 2: tiff.pack_value(tiff.RATIONAL, 48, 1, 30, 1, 0, 1)}, note,
        ({50936: tiff.pack_ascii("Camera Neutral")}, {50936: tiff.pack_ascii("Camera Vivid")}),
    )  # fmt: skip


def border(raw):
    """Masked pixels around a mosaic, more on some sides than on others, and none on one."""
    rng = np.random.default_rng(8)
    height, width = raw.mosaic.shape
    frame = (64 + rng.normal(0, 3, (height + 9, width + 12))).round().astype(np.uint16)
    frame[2, ::7], frame[5, 3] = 65535, 0
    return Border.around(frame, 6, 12, raw.mosaic.shape)


def noisy(payload):
    """The payload with a section NOIS of all kinds of numbers."""
    rng = np.random.default_rng(0)
    profile, missing = rng.integers(5000, 8000, 8).tolist(), rng.integers(120, 200, 48)
    missing[::11] = 0
    noise = CarriedNoise(tuple(profile), tuple(missing.tolist()), 77, 31)
    return stream_bytes(replace(Stream.from_bytes(payload), noise=noise))


def main():
    facts = {"tables": load().identity.hex(), "streams": {}}
    if wanted := sys.argv[1:]:
        facts = json.loads((HERE / "golden.json").read_text())
    for name, picture, payload in pictures():
        if wanted and name not in wanted:
            continue
        jpeg = embed.embed(picture.jpeg, payload)
        (HERE / f"{name}.jpg").write_bytes(jpeg)
        stream = Stream.from_bytes(payload)
        mosaic = stream.decode(picture.planes)
        header = stream.header
        facts["streams"][name] = {
            "payload_sha256": hashlib.sha256(payload).hexdigest(),
            "mosaic_sha256": digest(mosaic),
            "mosaic": f"{header.width} x {header.height} {header.phase}",
            "step_exponent": header.step_exponent,
            "states": header.states,
            "step": header.step,
            "transforms": sorted({BASIS_NAMES[b] for b in stream.transforms}),
            "tiles": len(stream.transforms),
            "values": "by plane" if stream.used else bool(header.values),
            "learned": bool(header.net),
            "local": stream.recipe.local is not None,
            **({"look": True} if stream.recipe.look else {}),
            **({"cell": stream.cell.name} if stream.cell else {}),
            **({"post": True} if stream.post else {}),
            **({"bias": True} if stream.bias else {}),
            **({"own_guide": "in blocks" if stream.gate.blocks else "everywhere"} if stream.gate else {}),
            **({"grain_sha256": digest(Grain(header, stream.noise).add(mosaic))} if stream.noise else {}),
            "bpp": round(8 * (len(jpeg) - len(picture.jpeg)) / mosaic.size, 4),
        }
        if stream.border:
            frame = parse_border(stream.border, header.height, header.width).frame(mosaic)
            facts["streams"][name]["frame_sha256"] = hashlib.sha256(frame.astype("<u2").tobytes()).hexdigest()
        print(f"{name}: {len(jpeg)} bytes")
    (HERE / "golden.json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
