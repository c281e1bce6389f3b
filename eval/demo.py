"""The demonstration: a simulated shot of a bundled photograph, encoded, decoded in a fresh process, and compared."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..bitstream.dng.writer import write_dng
from ..bitstream.errors import InputError, RawinlayError
from ..bitstream.runtime.files import write_atomically
from ..codec.api import Progress, encode
from ..codec.cli.places import check_output
from ..codec.simulator import Shot, simulate, to_scene
from ..codec.simulator.photo import CREDIT, bundled_photo
from ..codec.source.raw import read_raw
from .compare import compare_images
from .metrics import finite_or_none
from .pictures import exposure_for, side_by_side

RAW, CAMERA, CARRIER, DECODED, PICTURE = FILES = (
    "raw.dng", "camera.jpg", "with-raw.jpg", "decoded.dng", "side-by-side.png",
)  # fmt: skip
BPP = 0.4
SEED = 7


def demo(folder: Path, force: bool = False, progress: Progress = lambda what, share: None) -> dict[str, Any]:
    """Write `FILES` into `folder` (made if need be) and return the figures.

    UsageError where one of the files exists already, unless `force`, or scikit-image is not installed.
    """
    started = time.monotonic()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from None
    paths = {name: folder / name for name in FILES}
    for path in paths.values():
        check_output(path, [], force)
    progress("taking a photograph", 0.0)
    shot = photograph()
    write_atomically(paths[RAW], write_dng(shot.raw))
    write_atomically(paths[CAMERA], shot.jpeg)
    encoded = encode(paths[RAW], paths[CAMERA], bpp=BPP, progress=progress)
    write_atomically(paths[CARRIER], encoded.jpeg)
    progress("decoding in a fresh process", 0.0)
    decode_afresh(paths[CARRIER], paths[DECODED])
    progress("comparing", 0.0)
    true, found = read_raw(paths[RAW]), read_raw(paths[DECODED])
    figures = compare_images(true, found)
    note = f"from {encoded.metadata_bytes:,} bytes beside the JPEG, {figures.psnr:.1f} dB"
    picture = side_by_side(true, found, exposure_ev=exposure_for(true), note=note)
    write_atomically(paths[PICTURE], png_bytes(picture))
    return {
        "files": list(FILES), "raw_bytes": paths[RAW].stat().st_size, "camera_bytes": len(shot.jpeg),
        "jpeg_bytes": len(encoded.jpeg), "metadata_bytes": encoded.metadata_bytes, "bpp": encoded.bpp,
        "psnr": finite_or_none(figures.psnr), "max_error": figures.max_error, "identical": figures.identical,
        "range": round(true.white - min(true.black)),
        "credit": CREDIT, "seconds": round(time.monotonic() - started, 3),
    }  # fmt: skip


def photograph() -> Shot:
    """The bundled photograph, taken by a simulated camera, the same every time."""
    scene = to_scene(bundled_photo(), np.random.default_rng(SEED))
    return simulate(scene, SEED, odd_size=False)


def decode_afresh(carrier: Path, output: Path) -> None:
    """`rawinlay decode` in a process of its own, which knows nothing but the JPEG. Errors are the process's own."""
    command = [sys.executable, "-P", "-m", "rawinlay", "decode", str(carrier), "-o", str(output), "--force", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise RawinlayError(f"decoding in a fresh process failed: {said}")
    json.loads(done.stdout)


def png_bytes(picture: Image.Image) -> bytes:
    """The picture as a PNG file."""
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()
