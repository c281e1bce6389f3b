"""Sections that embellish the DNG: META, BORD, NOIS, PREV. Input: a byte that chooses, then the section; what META and
BORD deflate is given plain, and deflated here."""

import zlib

from tests.fuzz.harness import Target, main

HEIGHT, WIDTH = 24, 32


def deflated(data: bytes) -> bytes:
    deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
    return deflate.compress(data) + deflate.flush()


def run(data: bytes) -> None:
    import numpy as np
    from rawinlay.bitstream.dng.writer import write_dng
    from rawinlay.bitstream.raw_image import RawImage
    from rawinlay.bitstream.stream.border import border_bytes, parse_border
    from rawinlay.bitstream.stream.noise import CarriedNoise
    from rawinlay.bitstream.stream.preview import CarriedPreview
    from rawinlay.bitstream.tiff.meta import Meta
    from rawinlay.bitstream.tiff.tiff import read_tiff

    kind, body = (data[0] if data else 0) % 5, data[1:]
    if kind < 2:
        meta = Meta.from_bytes(b"\0" + deflated(body) if kind else body)
        assert Meta.from_bytes(meta.to_bytes()) == meta
        raw = RawImage(
            mosaic=np.zeros((HEIGHT, WIDTH), np.uint16), cfa="RGGB", black=(0,) * 4, white=1023, camera="Fuzz",
            orientation=1, ifd0_tags=meta.ifd0_tags, raw_tags=meta.raw_tags, exif_tags=meta.exif_tags,
            gps_tags=meta.gps_tags, note=meta.note, profiles=meta.profiles,
        )  # fmt: skip
        read_tiff(write_dng(raw, None))
    elif kind == 2:
        at = body.find(b"\xff") + 1  # four sides, then what is deflated
        border = parse_border(body[: at - 1] + deflated(body[at:]), HEIGHT, WIDTH)
        assert parse_border(border_bytes(border), HEIGHT, WIDTH).size == border.size
    elif kind == 3:
        CarriedNoise.from_bytes(body)
    else:
        CarriedPreview.from_bytes(body)


TARGET = Target("meta", run)

if __name__ == "__main__":
    main("meta")
