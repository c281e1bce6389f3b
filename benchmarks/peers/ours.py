"""rawinlay itself, as a user has it: the command line, a fresh process for encoding and one for decoding.

What `encode` gives is the whole JPEG that carries the RAW; what counts is what that file grew by: header, geometry,
recipe, tags for the DNG, symbols, checksums and segments.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...bitstream.errors import RawinlayError
from ...bitstream.raw_image import RawImage
from ...bitstream.runtime.files import read_file, write_atomically
from . import clock
from .base import Peer, need, number

RATES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0)  # bits per pixel
SETTINGS = (*(f"bpp={rate:g}" for rate in RATES), "lossless")
TUNE = "psnr"
"""The rows' main measure is in linear light; what `encode` does by itself, `benchmarks.edited` measures."""
TIMEOUT = 6 * 3600  # seconds for one encode or decode


class CommandFailed(RawinlayError):
    """The command line ended with an error; its exit code and its last line."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Rawinlay(Peer):
    """`rawinlay`."""

    name = "rawinlay"
    guided = True
    tune = TUNE
    counts = "everything: what the JPEG grows by, the DNG's tags and the segments' own bytes included"

    def settings(self) -> Sequence[str]:
        return SETTINGS

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        from ...bitstream.dng.writer import write_dng

        with tempfile.TemporaryDirectory() as work:
            paths = Path(work) / "raw.dng", Path(work) / "guide.jpg"
            write_atomically(paths[0], write_dng(raw))
            write_atomically(paths[1], need(jpeg))
            return self.encode_file(*paths, setting)

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        with tempfile.TemporaryDirectory() as work:
            path = Path(work) / "carrier.jpg"
            write_atomically(path, data)
            return self.decode_file(path, None)

    def added(self, data: bytes, jpeg: bytes | None) -> int:
        return len(data) - len(need(jpeg))

    def encode_file(self, raw: Path, jpeg: Path | None, setting: str) -> bytes:
        need(b"" if jpeg else None)
        rate = ["--lossless"] if setting == "lossless" else ["--bpp", f"{number(setting, 'bpp'):g}"]
        with tempfile.TemporaryDirectory() as work:
            carrier = Path(work) / "carrier.jpg"
            words = [raw.resolve(), "--jpeg", jpeg and jpeg.resolve(), "-o", carrier, *rate, "--tune", self.tune]
            _command("encode", *words)
            return read_file(carrier, "JPEG")

    def decode_file(self, stream: Path, jpeg: Path | None) -> np.ndarray:
        from ...codec.source.raw import read_raw

        with tempfile.TemporaryDirectory() as work:
            dng = Path(work) / "decoded.dng"
            _command("decode", stream.resolve(), "-o", dng)
            return read_raw(dng).mosaic


def _command(*words: object) -> Mapping[str, Any]:
    """Run `rawinlay WORDS --json` in a fresh process: its JSON; its cost goes to the clock."""
    command = [sys.executable, "-m", "rawinlay", *map(str, words), "--json", "--profile"]
    start = time.perf_counter()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"{words[0]} took more than {TIMEOUT} s", 1) from error
    took = time.perf_counter() - start
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        last = next((line for line in lines if line.startswith("error: ")), lines[-1])
        raise CommandFailed(f"{words[0]}: {last.removeprefix('error: ')}", done.returncode)
    said = json.loads(done.stdout)
    clock.of_child(said, took)
    return said
