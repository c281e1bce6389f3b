"""Well-formed files that ask for as much as a file of 100 kB may, or more: seconds and memory of each command.

`python -m tests.campaigns.hostile --count 20` from the repository's root; each runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.stream.header import Header
from rawinlay.bitstream.stream.layers import Further, Layers, tile_count
from rawinlay.bitstream.stream.limits import LARGE, LEARNED, PIXELS, PIXELS_A_BYTE, TILE, WORK, WORK_A_BYTE
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder.stream_writer import stream_bytes
from rawinlay.codec.guide.geometry import Geometry, Warp
from rawinlay.codec.guide.projection import Projection
from rawinlay.codec.recipe import net_weights as weights
from rawinlay.codec.recipe.side import ACTIVITIES
from rawinlay.codec.stages import order
from rawinlay.codec.stages.parameters import Params

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "format" / "golden"
BYTES = 100_000
CHILD = """
import json, resource, sys, time
from rawinlay.bitstream.errors import RawinlayError
from rawinlay.codec import api
data, command = open(sys.argv[1], "rb").read(), sys.argv[2]
start = time.process_time()
try:
    if command == "decode":
        api.decode(data).dng()
    elif command == "trim":
        api.trim(data, size=len(data))
    else:
        getattr(api, command)(data)
    end = "done"
except RawinlayError as error:
    end = f"{type(error).__name__}: {error}"
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # of the parent too, before this began
try:
    used = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
except (OSError, IndexError):
    pass
print(json.dumps({"end": end, "seconds": time.process_time() - start, "megabytes": used}))
"""


def flat(width: int, height: int, factors: tuple[tuple[int, int], ...] = ((1, 1),), scans: int = 1) -> bytes:
    """A progressive JPEG of grey in as few bytes as there can be; scans: of the AC coefficients, for each component."""

    def segment(marker: int, body: bytes) -> bytes:
        return bytes((255, marker)) + struct.pack(">H", len(body) + 2) + body

    def code(kind: int, symbol: int) -> bytes:
        return segment(0xC4, bytes([kind << 4, 1, *[0] * 15, symbol]))  # one symbol, of one bit

    across, down = (max(f[k] for f in factors) for k in (0, 1))
    cells = -(-width // (8 * across)) * -(-height // (8 * down))
    count, blocks = len(factors), sum(h * v for h, v in factors) if len(factors) > 1 else 1
    frame = struct.pack(">BHHB", 8, height, width, count)
    frame += b"".join(bytes((i + 1, h << 4 | v, 0)) for i, (h, v) in enumerate(factors))
    head = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), segment(0xDB, b"\0" + b"\1" * 64), segment(0xC2, frame)
    out = [b"\xff\xd8", *head]
    names = b"".join(bytes((i + 1, 0)) for i in range(count))
    out += [code(0, 0), segment(0xDA, bytes([count]) + names + bytes(3)), bytes(-(-cells * blocks // 8)), code(1, 0xE0)]
    for scan in range(scans):
        band = bytes((1 + scan * 63 // scans, (scan + 1) * 63 // scans, 0))
        for i, (h, v) in enumerate(factors):
            runs = -(-width * h // (8 * across)) * -(-height * v // (8 * down)) // (1 << 14) + 1  # of 2^14 blocks
            out += [segment(0xDA, bytes((1, i + 1, 0)) + band), bytes(-(-15 * runs // 8) + 1)]
    return b"".join([*out, b"\xff\xd9"])


def parameters(transform: int) -> Params:
    """Random parameters of the stages."""
    rng = np.random.default_rng(0)
    stages = [divmod(stage, 4) for stage in range(16)]
    mean = [rng.integers(-200, 201, order.near_count(n, t, transform)) for n, t in stages]
    return Params(
        transform, mean, [rng.integers(0, 60, order.context_count(n, t, transform, ACTIVITIES)) for n, t in stages]
    )


@dataclass(frozen=True)
class Ask:
    """What a file asks for. share: of what is allowed; above 1 it must be refused."""

    jpeg: bytes
    layers: int = 1
    tile: int = 65535
    exact: bool = False
    warp: bool = False
    askew: bool = False
    learned: bool = False
    levels: bool = False
    share: float = 0.97

    def file(self) -> bytes:
        """The JPEG with a stream that asks for it."""
        name = "learned-local.jpg" if self.learned else "plain.jpg"
        golden = Stream.from_bytes(embed.extract((GOLDEN / name).read_bytes()))
        planes = decode_planes(self.jpeg)
        warp = Warp((1 << 20, 1 << 20), (1 << 21, -(1 << 20), 1 << 19, 5)) if self.warp else None
        scale = 1 << 24 if min(planes.y.shape) > 500 else 1 << 18
        header = replace(
            golden.header, binding=planes.binding_hash(), tile=self.tile, transforms=b"\0", values=b"", tags=b"\0",
            saturation=[], net=weights.DEFAULT if self.learned else b"",
            step=5119 if self.layers > 1 else 5120 if self.exact else 3000, white=65535, top=65535, black=[0], cfa=0,
            geometry=(Geometry() if self.askew else Geometry(1, (0, 0), (scale, scale), warp)).to_bytes(),
        )  # fmt: skip
        if self.levels:
            header = replace(header, black=[1024 * v for v in (9000, 9500, 10000, 11000)], companding=1)
        fine = parameters(order.REFINED).to_bytes()
        further = [Further(max(5119 - 256 * n, 0), 0, fine) for n in range(1, self.layers)]
        if further and self.exact:
            further[-1] = replace(further[-1], step=5120)
        size = planes.scan_bytes + 1200 * self.layers
        header = self._sized(header, size)
        count = tile_count(header)
        section = Layers(0, 16 * count, tuple(further)) if further else None
        recipe = replace(golden.recipe, local=None)
        line, lens = (scale, scale // 16, -scale // 16, scale), (1 << 24, -(1 << 25), 1 << 24, 1 << 20)
        askew = Projection((0, 0), line, (1 << 27, -(1 << 27)), (1 << 20, 5), lens, (1 << 18, 9, -(1 << 17), 3))
        first = {order.IN_PLACE: parameters(order.IN_PLACE)}
        return embed.embed(self.jpeg, stream_bytes(
            Stream(header, recipe, first, [0] * count, {}, section, projection=askew if self.askew else None)
        ))  # fmt: skip

    def _sized(self, header: Header, size: int) -> Header:
        """A square mosaic of about as much as is allowed."""
        memory = (PIXELS + PIXELS_A_BYTE * size) / (LARGE if self.learned or self.layers > 1 else 1)
        a_tile = 4 * (2 * self.tile) ** 2
        work = (WORK + WORK_A_BYTE * size) / (self.layers + LEARNED * self.learned) / (1 + TILE / a_tile)
        side = int(math.sqrt(self.share * min(memory, work))) // 32 * 32
        return replace(header, height=side, width=side)


def asks() -> Iterator[tuple[str, Ask]]:
    """Names and asks, the worst first."""
    grey, three = flat(6800, 6800), flat(3900, 3900, ((1, 1),) * 3)
    uneven = flat(5400, 5400, ((4, 1), (1, 1), (1, 1)))
    yield "one tile, lossless", Ask(grey, exact=True)
    yield "one tile, chroma in one direction, warped", Ask(uneven, exact=True, warp=True)
    yield "one tile, chroma in one direction, askew", Ask(uneven, exact=True, askew=True)
    yield "two layers", Ask(grey, 2, exact=True)
    yield "three layers, warped", Ask(three, 3, exact=True, warp=True)
    yield "twenty layers", Ask(flat(6000, 6000), 20, exact=True)
    yield "learned", Ask(three, learned=True)
    yield "learned, small tiles", Ask(three, tile=8, learned=True)
    yield "small tiles", Ask(grey, tile=8)
    yield "small tiles, many layers", Ask(flat(6000, 6000), 18, tile=8)
    yield "wide levels", Ask(grey, levels=True, exact=True)
    yield "many scans", Ask(flat(4000, 4000, scans=30))
    for layers in (1, 2, 21):
        yield f"too much in {layers} layers", Ask(flat(256, 256), layers, share=1.1)
    yield "too many tiles", Ask(flat(800, 800), tile=8, share=1.1)
    yield "too much, learned", Ask(flat(800, 800), learned=True, share=1.2)
    yield "3 GB", Ask(flat(2368, 1664), share=40)


@dataclass(frozen=True)
class Cost:
    """Of a command: how it ended, seconds of the processor, megabytes."""

    end: str
    seconds: float
    megabytes: float


def cost(data: bytes, command: str) -> Cost:
    """What a command takes in a process of its own."""
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(data)
        file.flush()
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        run = [sys.executable, "-c", CHILD, file.name, command]
        out = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, check=True, timeout=300).stdout
        return Cost(**json.loads(out))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100)
    args = parser.parse_args()
    most = [0.0, 0.0]
    for name, ask in list(asks())[: args.count]:
        data = ask.file()
        for command in ("decode", "info", "trim", "strip"):
            found = cost(data, command)
            most = [max(most[0], found.seconds), max(most[1], found.megabytes)]
            took = f"{found.seconds:5.1f} s {found.megabytes:5.0f} MB"
            print(f"{name:42} {len(data):6} {command:6} {took}  {found.end[:60]}", flush=True)
    print(f"at most {most[0]:.1f} s of the processor and {most[1]:.0f} MB")


if __name__ == "__main__":
    main()
