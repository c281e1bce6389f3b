"""Make the files of this version that every later one must decode: `python tests/compatibility/make.py`.

Small JPEGs with a RAW, through the public interface, and manifest.json with what they must decode to. Once per version,
when it is released (docs/development.md); a folder that is there is a release's, and is never written to again.
"""

import hashlib
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[0] / "support")]

import goldens  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from rawinlay.bitstream.jpeg import embed  # noqa: E402
from rawinlay.bitstream.jpeg.segments import segment_bytes  # noqa: E402
from rawinlay.bitstream.raw_image import RawImage  # noqa: E402
from rawinlay.bitstream.stream.preview import CarriedPreview  # noqa: E402
from rawinlay.bitstream.tiff import tiff  # noqa: E402
from rawinlay.codec.api import decode, encode_arrays, info, trim  # noqa: E402
from rawinlay.codec.cli.distribution import version  # noqa: E402
from rawinlay.codec.decoder.stream import Stream  # noqa: E402
from rawinlay.codec.encoder.candidates import RecipeChoice  # noqa: E402
from rawinlay.codec.encoder.effort import Effort  # noqa: E402
from rawinlay.codec.encoder.job import Candidate  # noqa: E402
from rawinlay.codec.encoder.stream_writer import stream_bytes  # noqa: E402
from rawinlay.codec.preview_choice import with_preview  # noqa: E402
from scenes import scene  # noqa: E402
from shots import shot  # noqa: E402


def facts(jpeg):
    """What a file decodes to: digests of the mosaic and of all that goes into the DNG beside it."""
    decoded = decode(jpeg)
    raw = decoded.raw
    tags = [sorted((tag, *plain(value)) for tag, value in some.items()) for some in (raw.ifd0_tags, raw.raw_tags)]
    told = json.dumps([raw.cfa, raw.black, raw.white, raw.orientation, raw.camera, tags])
    return {
        "mosaic": f"{decoded.width} x {decoded.height} {decoded.cfa}",
        "mosaic_sha256": hashlib.sha256(raw.mosaic.astype("<u2").tobytes()).hexdigest(),
        "tags_sha256": hashlib.sha256(told.encode()).hexdigest(),
        "lossless": decoded.lossless,
        "layers": decoded.layers,
        "intact": info(jpeg).intact,
    }


def plain(value):
    """Type, count and bytes of a tag's value."""
    return int(value.type), int(value.count), value.data.hex()


def resized(jpeg, scale, box=None, **options):
    """The JPEG cropped to a share of its sides (left, top, right, bottom), then scaled, then saved as `options` say."""
    picture = Image.open(io.BytesIO(jpeg))
    if box:
        picture = picture.crop([round(share * picture.size[n % 2]) for n, share in enumerate(box)])
    picture = picture.resize([round(scale * n) for n in picture.size], Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", **{"quality": 90, **options})
    return out.getvalue()


def straightened(jpeg, degrees):
    """The JPEG turned a little about its middle, its size kept."""
    out = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).rotate(degrees, Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def packet(jpeg):
    """The JPEG with an XMP packet of its own, for the flag to stand in."""
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
    )
    return jpeg[:2] + segment_bytes(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp) + jpeg[2:]


def pairs():
    """Name, RAW, JPEG, options of `encode_arrays`."""
    taken = shot(11, (144, 192))
    yield "plain", taken.raw, taken.jpeg, {}
    yield "rate", taken.raw, taken.jpeg, {"bpp": 0.5}
    yield "edit", taken.raw, taken.jpeg, {"bpp": 0.8, "tune": "edit", "effort": 3}
    yield "lossless", taken.raw, taken.jpeg, {"lossless": True}
    yield "effort9", taken.raw, taken.jpeg, {"quality": 70, "effort": Effort(6, local=(64, 32, 128), windows=32)}
    yield "learned", taken.raw, taken.jpeg, {"quality": 70, "effort": Effort(5, learned=True, local=(64, 32))}
    yield "layers", taken.raw, taken.jpeg, {"layers": (0.3, 1.0, 2.5)}
    yield "trimmable", taken.raw, taken.jpeg, {"lossless": True, "trimmable": True}
    yield "xmp", taken.raw, packet(taken.jpeg), {"bpp": 0.5}
    yield "smaller-jpeg", taken.raw, resized(taken.jpeg, 0.6), {"quality": 60}
    larger = shot(12, (256, 320))
    yield "cropped-jpeg", larger.raw, resized(larger.jpeg, 1, (0.05, 0.03, 0.97, 0.98)), {"quality": 40}
    yield "straightened-jpeg", larger.raw, straightened(larger.jpeg, 1.5), {"quality": 40}
    yield "progressive", taken.raw, resized(taken.jpeg, 1, progressive=True, subsampling=0), {"quality": 60}
    grey = Image.open(io.BytesIO(taken.jpeg)).convert("L")
    out = io.BytesIO()
    grey.save(out, "JPEG", quality=92)
    yield "grey", taken.raw, out.getvalue(), {"lossless": True}
    turned = RawImage(taken.raw.mosaic, taken.raw.cfa, taken.raw.black, taken.raw.white, 6, "Some Camera 7",
                      {315: tiff.pack_ascii("Somebody")}, {50719: tiff.pack_value(tiff.LONG, 4, 6),
                      50720: tiff.pack_value(tiff.LONG, 180, 130)})  # fmt: skip
    yield "turned", turned, taken.jpeg, {"quality": 50}
    odd = scene((91, 67), "GBRG", "texture", seed=2, black=(500, 510.5, 520, 530.25), subsampling=2)
    yield "odd-levels", odd.raw, odd.jpeg, {"quality": 75}
    level = np.array(taken.raw.black).min()
    bright = np.minimum(level + (taken.raw.mosaic - level) * 4.0, taken.raw.white).astype(np.uint16)
    yield "saturated", replace(taken.raw, mosaic=bright), taken.jpeg, {"quality": 75}
    sparse = taken.raw.mosaic // 96 * 96 + 7
    yield "sparse-values", replace(taken.raw, mosaic=sparse), taken.jpeg, {"quality": 100}
    large = shot(3, (400, 600), (0, 0))
    yield "many-tiles", large.raw, large.jpeg, {"bpp": 0.25}


def files():
    """Name and bytes."""
    choose, cost = RecipeChoice.best, Candidate.cost
    for name, raw, jpeg, options in pairs():
        if name == "learned":  # whatever they cost: what is to be kept is that they decode
            RecipeChoice.best = lambda recipes, step, step_exponent, room: recipes.learned
            Candidate.cost = lambda candidate, fitted: 0.0 if candidate.recipe.learned else 1.0
        encoded = encode_arrays(raw, jpeg, **options).jpeg
        RecipeChoice.best, Candidate.cost = choose, cost
        yield name, encoded
        if name == "plain":  # both forms of PREV, which encode_arrays has no source for
            for kind, preview in (("own", CarriedPreview(resized(jpeg, 0.25))), ("jpeg", CarriedPreview())):
                yield f"preview-{kind}", embed.embed(jpeg, with_preview(embed.extract(encoded), preview))
        if name == "trimmable":
            for bpp in (0.4, 2.0):
                yield f"trimmed-{bpp:g}", trim(encoded, bpp=bpp).jpeg
    for name in goldens.NAMES:  # what the encoder seldom chooses: many tiles, corrections by block, warps
        stream = Stream.from_bytes(goldens.payload(name))
        named = replace(stream, header=replace(stream.header, tags=b"\0"))
        yield f"golden-{name}", embed.embed(goldens.jpeg(name), stream_bytes(named))


def main():
    folder = HERE / version()
    if folder.exists():
        sys.exit(f"{folder} is there already: raise the version in pyproject.toml, or delete what a stopped run left")
    folder.mkdir()
    path, manifest = folder / "manifest.json", {}
    for name, jpeg in files():
        (folder / f"{name}.jpg").write_bytes(jpeg)
        manifest[name] = {"file_sha256": hashlib.sha256(jpeg).hexdigest(), **facts(jpeg)}
        path.write_text(json.dumps(manifest, indent=2) + "\n")
        print(f"{name}: {len(jpeg)} bytes")


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
