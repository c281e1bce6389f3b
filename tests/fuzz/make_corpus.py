"""Make the corpora, which are kept in the tree: `python -m tests.fuzz.make_corpus`."""

import io
import sys
import zlib
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "support")]

import goldens  # noqa: E402
from PIL import Image  # noqa: E402
from rawinlay.bitstream.dng.writer import write_dng  # noqa: E402
from rawinlay.bitstream.jpeg import jumbf, parity  # noqa: E402
from rawinlay.bitstream.jpeg.file import Jpeg  # noqa: E402
from rawinlay.bitstream.stream import away  # noqa: E402
from rawinlay.bitstream.stream.container import Container, with_sections  # noqa: E402
from rawinlay.bitstream.stream.head_copy import UUID, head_copy  # noqa: E402
from rawinlay.bitstream.stream.header import Header  # noqa: E402
from rawinlay.bitstream.tiff.tags import pack_tags  # noqa: E402
from scenes import scene  # noqa: E402
from shots import shot  # noqa: E402

from tests.fuzz.harness import CORPUS  # noqa: E402


def put(name, label, data):
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / label).write_bytes(data)


def tiny():
    """JPEG and stream of a mosaic of 16 x 24, in one layer and in three."""
    small = scene((16, 24), bits=10, black=(64,) * 4)
    for label, options in (("one", {"quality": 40}), ("layers", {"quality": 60, "trimmable": True})):
        yield label, Jpeg(small.jpeg).with_payload(small.encode(effort=1, **options))


def main():
    for label, carrier in tiny():
        payload = carrier.payload
        (HERE / "whole.jpg").write_bytes(carrier.bare.data)
        for name in ("container", "layers"):
            put(name, label, payload)
        put("whole", label, tagged(payload))
        container = Container.from_bytes(payload)
        put("header", label, container.sections["HEAD"])
        put("recipe", f"{label}-recipe", b"\0" + container.sections["RECP"])
        put("recipe", f"{label}-parameters", b"\2" + container.sections["PARM"][3:])
        first = next(iter(container.substreams.values()))
        put("substreams", f"{label}-symbols", b"\1\0" + first)
        put("substreams", f"{label}-splits", b"\0\0" + first)
        contents = jumbf.contents(payload)
        copy = jumbf.box(b"uuid", UUID + head_copy(payload))
        whole = contents + parity.parity_box(contents, 0.2) + copy
        put("mend", f"{label}-superbox", whole)
        put("mend", f"{label}-file", carrier.bare.with_payload(payload, whole[len(contents) :]).data)
        put("guard", label, whole)
        put("guard", f"{label}-copy", contents + copy)
        put("walker", label, carrier.data)
        pieces = jumbf.wrap(payload[:300])
        put("jumbf", label, b"".join(len(p).to_bytes(2, "little") + p for p in pieces))
    put_pieces()
    whole = jumbf.wrap(b"RWIN" * 5)[0]
    halves = [whole[:16] + whole[16:90], whole[:7] + b"\2" + whole[8:16] + whole[90:]]
    put("jumbf", "two", b"".join(len(p).to_bytes(2, "little") + p for p in (b"JP\0\1 another", *halves)))
    local = Container.from_bytes(goldens.payload("learned-local"))
    put("recipe", "corrections", b"\1" + local.sections["LOCL"])
    put("recipe", "geometry", b"\3" + bytes([6 | 32]) + bytes(24))
    whole = zlib.decompress(Container.from_bytes(goldens.payload("described")).sections["META"][1:], -15)
    put("meta", "entries", b"\1" + whole)
    put("meta", "section", b"\0" + Container.from_bytes(goldens.payload("described")).sections["META"])
    put("meta", "border", b"\2\2\4\2\4\xff" + bytes(range(256)) * 3)
    put("meta", "noise", b"\3" + Container.from_bytes(goldens.payload("grain")).sections["NOIS"])
    put("meta", "preview", b"\4\0" + _jpeg())
    raw = shot().raw
    put("tags", "tags", b"t" + pack_tags(raw, {}))
    small = scene((16, 24)).raw
    put("tags", "dng", b"x" + write_dng(replace(raw, mosaic=small.mosaic)))
    picture = _jpeg(progressive=True, exif=_exif())
    put("walker", "progressive", picture)
    put("tags", "pillow", b"x" + Jpeg(picture).exif_payload)
    put("container", "sections", with_sections(goldens.payload("values"), {"PREV": b"\1", "DIGM": bytes(8)}))


def tagged(payload):
    """A stream with tags, without which no DNG is made of it."""
    container = Container.from_bytes(payload)
    header = replace(Header.from_bytes(container.sections["HEAD"]), tags=pack_tags(shot().raw, {}))
    return Container({**container.sections, "HEAD": header.to_bytes()}, container.substreams).to_bytes()


def put_pieces():
    """A stream whose corrections by block stand in pieces."""
    payload = goldens.payload("away")
    contents = jumbf.contents(payload)
    whole = contents + parity.parity_box(contents, 0.1) + jumbf.box(b"uuid", UUID + head_copy(payload))
    put("container", "away", payload)
    put("guard", "away", whole)
    put("mend", "away-superbox", whole)
    plain = Container.from_bytes((CORPUS / "whole" / "one").read_bytes())
    section, pieces = away.scattered(bytes([5, *bytes(12 + 48 + 1)]), [0], 0)  # that correct nothing
    whole = Container({**plain.sections, "AWAY": section}, plain.substreams | pieces)
    put("whole", "away", whole.to_bytes())


def _jpeg(**options):
    picture = io.BytesIO()
    Image.new("RGB", (16, 16), (90, 40, 20)).save(picture, "JPEG", **options)
    return picture.getvalue()


def _exif():
    exif = Image.Exif()
    exif[271], exif[272], exif[274] = "Maker", "Model", 6
    return exif


if __name__ == "__main__":
    main()
