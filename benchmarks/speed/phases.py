"""`python -m rawinlay.benchmarks.speed.phases RAW JPEG`: where the processor's time of a warm encode and decode goes.

Everything runs on one processor, in one thread, so that figures repeat; each line is seconds of the processor in a
function itself, less those of the others in this table within it. The last lines are in units of LibRaw's AHD of the
same file in the same run.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...bitstream.runtime import profile
from . import costs

ENCODE = (
    "codec.source.raw:RawFile.__init__", "codec.source.libraw:ask", "bitstream.jpeg.file:Jpeg.planes",
    "codec.align.place:place", "codec.encoder.guides:doubtful_share", "codec.encoder.job:Job.of",
    "codec.recipe.side:SideInfo.__init__", "codec.encoder.candidates:RecipeChoice.__init__",
    "codec.encoder.candidates:sample", "codec.encoder.fit.recipe:fit", "codec.encoder.picture:CpuEncoder.__init__",
    "codec.encoder.picture:CpuEncoder.fit", "codec.encoder.picture:CpuEncoder.survey",
    "codec.encoder.picture:CpuEncoder.trial", "codec.encoder.picture:CpuEncoder.encode",
    "codec.encoder.picture:CpuEncoder._area", "codec.encoder.choose_recipe:with_corrections",
    "codec.encoder.choose_recipe:with_look", "codec.encoder.candidates:RecipeChoice.best",
    "codec.encoder.post:with_post", "codec.encoder.grain:noise_of", "codec.encoder.encode:_checked",
    "codec.encoder.stream_writer:stream_bytes",
)  # fmt: skip
DECODE = (
    "bitstream.jpeg.file:Jpeg.planes", "codec.recipe.side:SideInfo.__init__", "codec.recipe.side:SideInfo.prediction",
    "codec.recipe.side:SideInfo.activity", "codec.stages.tile:Tile.__init__", "codec.stages.tile:Tile.predict",
    "codec.stages.tile:Tile.update", "codec.stages.tile:Tile.finish", "entropy.ans:decode_symbols",
    "bitstream.dng.writer:write_dng", "codec.encoder.grain:noise_of", "codec.decoder.cpu:decode_mosaic",
)  # fmt: skip
"""What is timed: module and name within it."""


class Clock:
    """Seconds and calls of functions by name, what is timed within them taken off."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._within = [0.0]

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time counted."""

        @functools.wraps(function)
        def called(*args: Any, **options: Any) -> Any:
            self._within.append(0.0)
            start = time.process_time()
            try:
                return function(*args, **options)
            finally:
                lasted = time.process_time() - start
                self.seconds[name] = self.seconds.get(name, 0.0) + lasted - self._within.pop()
                self.calls[name] = self.calls.get(name, 0) + 1
                self._within[-1] += lasted

        return called


@contextmanager
def watched(names: tuple[str, ...]) -> Iterator[Clock]:
    """A clock for these functions, wherever they are called from, as long as this lasts."""
    clock, undo = Clock(), []
    for name in names:
        module, _, path = name.partition(":")
        holder: Any = importlib.import_module(f"...{module}", __package__)
        *outer, last = path.split(".")
        for part in outer:
            holder = getattr(holder, part)
        own = vars(holder)[last]
        if hasattr(own, "func"):  # a cached property
            undo.append((own, "func", own.func))
            own.func = clock.timed(path, own.func)
            continue
        within = clock.timed(path, own.__func__ if isinstance(own, classmethod) else own)
        new = classmethod(within) if isinstance(own, classmethod) else within
        for place in [holder] if outer else _modules_with(last, own):
            undo.append((place, last, own))
            setattr(place, last, new)
    try:
        yield clock
    finally:
        for place, last, own in reversed(undo):
            setattr(place, last, own)


def _modules_with(name: str, own: Any) -> list[Any]:
    """Modules of this package in which a function has that name."""
    package = __package__.split(".")[0]
    return [m for key, m in list(sys.modules.items()) if key.startswith(package) and vars(m).get(name) is own]


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        "python -m rawinlay.benchmarks.speed.phases", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("raw", type=Path)
    parser.add_argument("jpeg", type=Path)
    parser.add_argument("--bpp", type=float, default=0.4)
    parser.add_argument("--effort", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3, help="the least of so many counts; default %(default)s")
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    from ...codec.api import decode, encode

    raw, jpeg = args.raw.read_bytes(), args.jpeg.read_bytes()

    def encoded() -> Any:
        return encode(raw, jpeg, bpp=args.bpp, effort=args.effort, device="cpu")

    carrier = encoded().jpeg
    decode(carrier, device="cpu").dng()
    ahd = min(costs.of_work(lambda: costs.develop(raw))[0]["cores"] for _ in range(args.rounds))
    print(f"LibRaw's AHD: {ahd:.3f} s")
    for what, names, work in (("encode", ENCODE, encoded), ("decode", DECODE, lambda: decode(carrier).dng())):
        found = []
        for _ in range(args.rounds):
            with watched(names) as clock, profile.profiling() as whole:
                before = time.process_time()
                work()
                own = time.process_time() - before
            found.append((own + whole.elsewhere, whole.elsewhere, clock))
        total, elsewhere, clock = min(found, key=lambda f: f[0])
        clock.seconds["(LibRaw's process)"], clock.calls["(LibRaw's process)"] = elsewhere, int(elsewhere > 0)
        clock.seconds["(the rest)"] = total - sum(clock.seconds.values())
        for name, seconds in sorted(clock.seconds.items(), key=lambda s: -s[1]):
            print(f"  {seconds:7.3f} s {clock.calls.get(name, 0):5d} x  {name}")
        print(f"{what}: {total:.3f} s, {total / ahd:.2f} AHD")
    print(f"{8 * (len(carrier) - len(jpeg)) / 12.2e6:.4f}", len(carrier) - len(jpeg), file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
