"""Which programs find a picture's size in the first kilobytes of a JPEG that carries a RAW.

    python -m tests.campaigns.probes

Asks those that are installed (Pillow, imagesize, PHP's getimagesize, and of Node probe-image-size and image-size,
looked for in ./node_modules) for the size of a JPEG of 1600 x 1200 with Exif and ICC that carries 3 MB, from its first
4, 64 and 512 kB and from all of it: as it is written now, and as version 0.1.0 placed the box. One line at the end.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from jpegs import camera_jpeg, picture
from PIL import ImageFile
from rawinlay.bitstream.jpeg import jumbf
from rawinlay.bitstream.jpeg.embed import embed
from rawinlay.bitstream.jpeg.segments import APP0, APP11, read_segments, segment_bytes, splice

SIZE = (1600, 1200)
HEADS = (4096, 65536, 524288, 1 << 30)
PHP = "$r = @getimagesizefromstring(file_get_contents($argv[1])); echo $r ? $r[0] . ' ' . $r[1] : '';"
NODE = """const d = require('fs').readFileSync(process.argv[1]); let r;
try { r = %s } catch (e) { r = null } console.log(r ? r.width + ' ' + r.height : '')"""


def probes() -> Iterator[tuple[str, Callable[[bytes], str]]]:
    """Name of each that is installed, and what it says of a file's beginning: "WIDTH HEIGHT", or nothing."""

    def by(*command: str) -> Callable[[bytes], str]:
        def asked(head: bytes) -> str:
            with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
                file.write(head)
                file.flush()
                return subprocess.run([*command, file.name], capture_output=True, text=True, check=False).stdout.strip()

        return asked

    def by_pillow(head: bytes) -> str:
        parser = ImageFile.Parser()
        parser.feed(head)
        return "{} {}".format(*parser.image.size) if parser.image else ""

    yield "Pillow's ImageFile.Parser", by_pillow
    try:
        import imagesize

        yield "imagesize", lambda head: "{} {}".format(*imagesize.get(io.BytesIO(head)))
    except ImportError:
        pass
    if shutil.which("php"):
        yield "PHP's getimagesize", by("php", "-r", PHP, "--")
    for name, call in (("probe-image-size", "require('probe-image-size').sync(d)"),
                       ("image-size", "require('image-size').imageSize(d)")):  # fmt: skip
        if shutil.which("node") and Path("node_modules", name).is_dir():
            yield name, by("node", "-e", NODE % call, "--")


def carriers() -> dict[str, bytes]:
    """The JPEG with its RAW before the scan, and where version 0.1.0 put it."""
    out = io.BytesIO()
    picture(SIZE).save(out, "JPEG", quality=92)
    metadata = [s for s in read_segments(camera_jpeg()) if s.is_app and s.marker != APP0]
    bare = out.getvalue()
    at = read_segments(bare)[1].end
    jpeg = bare[:at] + b"".join(s.clean for s in metadata) + bare[at:]
    payload = random.Random(1).randbytes(3_000_000)
    box = b"".join(segment_bytes(APP11, part) for part in jumbf.wrap(payload))
    early = next(s.start for s in read_segments(jpeg)[1:] if not s.is_app)
    return {"as written now": embed(jpeg, payload), "as by 0.1.0": splice(jpeg, [(early, early, box)])}


def main() -> None:
    """Print a line for each program, and how many there are."""
    told, seen = "{} {}".format(*SIZE), []
    files = carriers()
    for name, ask in probes():
        found = {where: [ask(jpeg[:head]) == told for head in HEADS] for where, jpeg in files.items()}
        seen.append({"program": name, "heads": ["4k", "64k", "512k", "all"], **found})
        print(json.dumps(seen[-1]))
    now = sum(all(row["as written now"]) for row in seen)
    before = sum(all(row["as by 0.1.0"]) for row in seen)
    print(f"{now} of {len(seen)} programs find the size in 4 kB and more; {before} where version 0.1.0 put the box")


if __name__ == "__main__":
    main()
