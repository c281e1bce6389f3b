"""Make the golden files of what guards a stream: `python tests/format/golden/guarded.py`, after a change of the format.

`parted` has parts that end where tiles do, and the copy of the head; `spared` parity; `apart` is a JPEG without a RAW,
whose sidecar is `apart.rwi`; `away` has its corrections by block in pieces. guarded.json says what they decode to, and
what their JPEGs are without the RAW.
"""

import hashlib
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "support"), str(HERE)]

import make  # noqa: E402
from goldens import digest  # noqa: E402
from PIL import Image  # noqa: E402
from rawinlay.bitstream.jpeg import embed  # noqa: E402
from rawinlay.bitstream.stream import away  # noqa: E402
from rawinlay.bitstream.stream.container import Container  # noqa: E402
from rawinlay.bitstream.tiff.tags import pack_tags  # noqa: E402
from rawinlay.codec import api  # noqa: E402
from rawinlay.codec.decoder.stream import Stream  # noqa: E402
from rawinlay.codec.encoder.job import Job  # noqa: E402
from rawinlay.codec.encoder.stream_writer import stream_bytes  # noqa: E402
from rawinlay.codec.sidecar import sidecar_of  # noqa: E402
from rawinlay.codec.stages.order import HAAR, IN_PLACE  # noqa: E402
from scenes import scene  # noqa: E402
from shots import shot  # noqa: E402


def main():
    wanted = {
        "parted": (32, (272, 352), {"lossless": True}),
        "spared": (16, (80, 112), {"quality": 60, "parity": 0.3}),
        "apart": (16, (72, 88), {"quality": 50}),
    }
    facts = {}
    for seed, (name, (side, shape, options)) in enumerate(wanted.items(), 5):
        taken, out = shot(seed, shape, (0, 0)), io.BytesIO()
        Image.open(io.BytesIO(taken.jpeg)).save(out, "JPEG", quality=60)
        with mock.patch.object(Job, "side", lambda self, bits, side=side: side):
            carrier = api.encode_arrays(taken.raw, out.getvalue(), effort=1, tune="psnr", **options).jpeg
        facts[name] = {"mosaic_sha256": digest(api.decode(carrier).raw.mosaic),
                       "jpeg_sha256": hashlib.sha256(embed.strip(carrier)).hexdigest()}  # fmt: skip
        (HERE / f"{name}.jpg").write_bytes(embed.strip(carrier) if name == "apart" else carrier)
    (HERE / "apart.rwi").write_bytes(sidecar_of(carrier))
    carrier = in_pieces()
    facts["away"] = {"mosaic_sha256": digest(api.decode(carrier).raw.mosaic),
                     "jpeg_sha256": hashlib.sha256(embed.strip(carrier)).hexdigest()}  # fmt: skip
    (HERE / "away.jpg").write_bytes(carrier)
    (HERE / "guarded.json").write_text(json.dumps(facts, indent=2) + "\n")


def in_pieces():
    """A carrier whose corrections by block stand in six pieces of twelve tiles, two of them spare."""
    picture = scene((91, 118), "GRBG", seed=11, bits=12, black=(64,) * 4, subsampling=2)
    first = picture.encode(quality=45, tune="psnr")
    stream = Stream.from_bytes(make.recoded(picture, first, [IN_PLACE, HAAR], 16, 3, more="local"))
    whole = stream_bytes(replace(stream, header=replace(stream.header, tags=pack_tags(picture.raw, {}))))
    whole = Container.from_bytes(whole)
    section, pieces = away.scattered(whole.sections["LOCL"], range(0, 12, 2), 2)
    sections = {**whole.sections, "LOCL": b"", "AWAY": section}
    return embed.embed(picture.jpeg, Container(sections, {**whole.substreams, **pieces}).to_bytes())


if __name__ == "__main__":
    main()
