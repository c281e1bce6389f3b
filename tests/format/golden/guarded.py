"""Make the golden files of what guards a stream: `python tests/format/golden/guarded.py`, after a change of the format.

`parted` has parts that end where tiles do, and the copy of the head; `spared` parity; `apart` is a JPEG without a RAW,
whose sidecar is `apart.rwi`. guarded.json says what they decode to, and what their JPEGs are without the RAW.
"""

import hashlib
import io
import json
import sys
from pathlib import Path
from unittest import mock

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "support")]

from goldens import digest  # noqa: E402
from PIL import Image  # noqa: E402
from rawinlay.bitstream.jpeg import embed  # noqa: E402
from rawinlay.codec import api  # noqa: E402
from rawinlay.codec.encoder.job import Job  # noqa: E402
from rawinlay.codec.sidecar import sidecar_of  # noqa: E402
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
    (HERE / "guarded.json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
