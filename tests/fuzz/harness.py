"""What all fuzz targets share: the errors that may be, checksums made right again, and the command line."""

from __future__ import annotations

import argparse
import contextlib
import random
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType

CORPUS = Path(__file__).parent / "corpus"
PREAMBLE = 12
MAX_BYTES = 1 << 13
HIDDEN = ["rawinlay.bitstream.dng.ljpeg_kernels", "rawinlay.bitstream.runtime"]
"""What atheris must not see of `rawinlay.bitstream`: numba reads what it compiles as it is."""

SEEN = ("codec.recipe.recipe", "codec.recipe.corrections", "codec.recipe.gate", "codec.stages.parameters",
        "codec.guide.geometry", "codec.sidecar", "entropy.golomb", "entropy.binary")  # fmt: skip
"""Modules of the rooms above, whose functions it sees; those that numba compiles are none any more."""



@dataclass(frozen=True)
class Target:
    """name: of the module and of its corpus. run: takes any bytes; whatever but a RawinlayError leaves it is a fault.
    mend: makes checksums and lengths right again, so that mutations come further than to them."""

    name: str
    run: Callable[[bytes], None]
    mend: Callable[[bytes], bytes] = bytes

    def seeds(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted((CORPUS / self.name).iterdir())]

    def __call__(self, data: bytes) -> None:
        from rawinlay.bitstream.errors import RawinlayError

        with contextlib.suppress(RawinlayError):
            self.run(data)


def mended_stream(data: bytes) -> bytes:
    """A stream with its length, and the CRCs of all sections that its letters and lengths lead to, made right."""
    out = bytearray(data)
    if len(out) < PREAMBLE:
        return bytes(out)
    out[:8] = b"RWIN\1\0\0\0"
    out[8:12] = struct.pack("<I", len(out))
    mend_head(out, 0)
    return bytes(out)


def mend_head(out: bytearray, begin: int) -> None:
    """Make the CRCs of all sections right in place, from a preamble on."""
    at = begin + PREAMBLE
    while at < len(out):
        letter, (size, at) = out[at], _varint(out, at + 1)
        at += size
        if at + 4 > len(out):
            break
        out[at : at + 4] = zlib.crc32(out[begin:at]).to_bytes(4, "little")
        begin = at = at + 4
        if letter == ord("S"):
            break


def _varint(data: bytearray, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            break
    return value, at


def mutations(target: Target, count: int, seed: int = 0) -> Iterator[bytes]:
    """Mutations without atheris: bits, bytes, cuts, pieces of other seeds."""
    rng, seeds = random.Random(seed), target.seeds()
    for _ in range(count):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(data) + 1)
            kind = rng.randrange(5)
            if kind == 0 and at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            elif kind == 1 and at < len(data):
                data[at] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
            elif kind == 2:
                del data[at : at + rng.randint(1, 8)]
            elif kind == 3:
                other = rng.choice(seeds)
                start = rng.randrange(len(other))
                data[at:at] = other[start : start + rng.randint(1, 16)]
            else:
                del data[at:]
                data = data or bytearray(b"\0")
        yield target.mend(bytes(data)) if rng.random() < 0.8 else bytes(data)


def functions_of(module: ModuleType) -> Iterator[FunctionType]:
    """Functions and methods that a module defines."""
    for value in list(vars(module).values()):
        inner = vars(value).values() if isinstance(value, type) and value.__module__ == module.__name__ else (value,)
        for one in inner:
            plain = getattr(one, "__func__", one)
            if isinstance(plain, FunctionType) and plain.__module__ == module.__name__:
                yield plain


def main(module: str) -> None:
    """The command line of a target, whose module is loaded under atheris' eyes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=0, help="stop after so many")
    parser.add_argument("--seed", type=int, default=0, help="the same runs again; 0 for others each time")
    parser.add_argument("--corpus", help="a folder for what is found")
    args = parser.parse_args()
    try:
        import atheris
    except ImportError:
        print(f"{module}: atheris is not installed (pip install '.[fuzz]'), nothing was tried")
        return
    import importlib

    with atheris.instrument_imports(include=["rawinlay.bitstream"], exclude=HIDDEN):
        import rawinlay.bitstream.jpeg.embed
        import rawinlay.bitstream.jpeg.frame
        import rawinlay.bitstream.jpeg.mend
        import rawinlay.bitstream.stream.border
        import rawinlay.bitstream.stream.layers
        import rawinlay.bitstream.stream.noise
        import rawinlay.bitstream.stream.preview
        import rawinlay.bitstream.tiff.meta
        import rawinlay.bitstream.tiff.tags  # noqa: F401
    for name in SEEN:
        for function in functions_of(importlib.import_module(f"rawinlay.{name}")):
            atheris.instrument_func(function)
    target: Target = importlib.import_module(f"tests.fuzz.{module}").TARGET
    started = time.monotonic()

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        changed = atheris.Mutate(data, most)
        return target.mend(changed)[:most] if seed % 8 else changed

    found = args.corpus or tempfile.mkdtemp(prefix=f"fuzz-{module}-")
    words = [sys.argv[0], found, str(CORPUS / module), f"-runs={args.runs}", f"-max_len={MAX_BYTES}", "-timeout=20",
             "-rss_limit_mb=2500", "-print_final_stats=1", f"-max_total_time={args.seconds}", f"-seed={args.seed}",
             "-verbosity=0", f"-artifact_prefix={found}/"]  # fmt: skip
    print(f"{module}: {args.runs} runs from {started:.0f}, corpus {found}", flush=True)
    atheris.Setup(words, target, custom_mutator=mutate)
    atheris.Fuzz()
