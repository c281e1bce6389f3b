"""What is measured: each part gives rows, as `benchmarks.rows` keeps them.

=========  ==================================================================================================
part       rows (`setting`)
=========  ==================================================================================================
ratios     "warm encode", "warm decode", "warm mosaic": work on bytes in one process; "encode", "decode", "info":
           whole commands; each beside LibRaw's AHD of the same RAW in the same rounds (`ahd`, `ratio`)
growth     "encode 12 MP", "decode 12 MP", "crop 12 MP": whole commands on patchworks, time and memory
rate       "encode bpp=0.1", "decode bpp=0.1": warm, against the rate
threads    "encode threads=1", "decode threads=1": warm, against the processors that may be used
=========  ==================================================================================================

Of a row: wall (seconds by the clock, median), walls (all), cores (core-seconds, median), memory (bytes, of whole
commands), bpp, megapixels, threads.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ...bitstream.errors import InputError
from ...codec.source.raw import read_raw, render_jpeg
from ..rows import Row
from . import costs, patchwork
from .costs import Cost

BPP = 0.4
MEGAPIXELS = (1.0, 3.0, 6.0, 12.0, 24.0, 50.0, 100.0, 150.0)
RATES = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
CROP = 1024
COMMAND = (sys.executable, "-m", "rawinlay")
GUIDE = "libraw:95"


class Measure:
    """Measures; `done` tells which settings of a file need not be measured again. work: folder for what is made."""

    def __init__(self, work: Path, rounds: int, done: set[tuple[str, str]]) -> None:
        self._work, self._rounds, self._done = work, rounds, done

    def ratios(self, source: Path) -> Iterator[Row]:
        """Beside LibRaw, warm and as whole commands."""
        settings = ["warm encode", "warm decode", "warm mosaic", "encode", "decode", "info"]
        if all((source.name, s) in self._done for s in settings):
            return
        jpeg = self._rendered(source)
        pixels = read_raw(source).mosaic.size
        found = costs.in_warm_process(source, jpeg, BPP, self._rounds)
        ahd = found.pop("ahd")
        for name, cost in found.items():
            yield _row(source.name, f"warm {name}", pixels, cost, BPP, ahd)
        raw = source.read_bytes()
        rounds: dict[str, list[Cost]] = {"ahd": [], "encode": [], "decode": [], "info": []}
        with tempfile.TemporaryDirectory() as folder:
            carrier, dng = Path(folder, "carrier.jpg"), Path(folder, "decoded.dng")
            for _ in range(self._rounds):
                rounds["ahd"].append(costs.of_work(lambda: costs.develop(raw))[0])
                for name, command in _commands(source, jpeg, BPP, carrier, dng).items():
                    if name in rounds:
                        rounds[name].append(costs.of_command(command))
        ahd = costs.medians(rounds.pop("ahd"))
        for name, several in rounds.items():
            yield _row(source.name, name, pixels, costs.medians(several), BPP, ahd)

    def growth(self, source: Path, megapixels: float) -> Iterator[Row]:
        """Whole commands on a patchwork."""
        name = f"patchwork of {source.name}"
        settings = {what: f"{what} {megapixels:g} MP" for what in ("encode", "decode", "crop", "info")}
        if all((name, setting) in self._done for setting in settings.values()):
            return
        raw, jpeg = patchwork.make(source, megapixels, self._work)
        height, width = patchwork.sides(megapixels)
        several: dict[str, list[Cost]] = {}
        with tempfile.TemporaryDirectory(dir=self._work) as folder:
            carrier, dng = Path(folder, "carrier.jpg"), Path(folder, "decoded.dng")
            commands = _commands(raw, jpeg, BPP, carrier, dng)
            side = min(CROP, height, width)
            place = f"{(width - side) // 2},{(height - side) // 2},{side},{side}"
            commands["crop"] = [*commands["decode"], "--crop", place]
            for _ in range(max(1, self._rounds // 3)):
                for what, command in commands.items():
                    several.setdefault(what, []).append(costs.of_command(command))
        for what, all_of_it in several.items():
            yield _row(name, settings[what], height * width, costs.medians(all_of_it), BPP)

    def failed(self, source: Path, setting: str, error: InputError) -> Row:
        """The row of what could not be measured."""
        return {"file": source.name, "guide": GUIDE, "codec": "rawinlay", "setting": setting, "error": str(error)}

    def rate(self, source: Path, bpp: float) -> Iterator[Row]:
        """Warm, at a rate."""
        if (source.name, f"decode bpp={bpp:g}") in self._done:
            return
        found = costs.in_warm_process(source, self._rendered(source), bpp, max(1, self._rounds // 2))
        pixels = read_raw(source).mosaic.size
        for what in ("encode", "decode"):
            yield _row(source.name, f"{what} bpp={bpp:g}", pixels, found[what], bpp, found["ahd"])

    def threads(self, source: Path, count: int) -> Iterator[Row]:
        """Warm, on so many processors."""
        if (source.name, f"decode threads={count}") in self._done:
            return
        rounds = max(1, self._rounds // 2)
        found = costs.in_warm_process(source, self._rendered(source), BPP, rounds, count)
        pixels = read_raw(source).mosaic.size
        for what in ("encode", "decode"):
            row = _row(source.name, f"{what} threads={count}", pixels, found[what], BPP, found["ahd"])
            yield {**row, "threads": count}

    def _rendered(self, source: Path) -> Path:
        path = self._work / f"{source.stem}.jpg"
        if not path.exists():
            self._work.mkdir(parents=True, exist_ok=True)
            path.write_bytes(render_jpeg(source))
        return path


def _commands(raw: Path, jpeg: Path, bpp: float, carrier: Path, dng: Path) -> dict[str, list[str]]:
    """The command lines, in an order in which each finds what it needs."""
    encode = ["encode", str(raw), "--jpeg", str(jpeg), "-o", str(carrier), "--bpp", str(bpp)]
    decode = ["decode", str(carrier), "-o", str(dng)]
    cpu = ["--device", "cpu", "--force", "--json"]
    return {
        "encode": [*COMMAND, *encode, *cpu], "decode": [*COMMAND, *decode, *cpu],
        "info": [*COMMAND, "info", str(carrier), "--json"],
    }  # fmt: skip


def _row(file: str, setting: str, pixels: int, cost: Cost, bpp: float, ahd: Cost | None = None) -> Row:
    row: Row = {
        "file": file, "guide": GUIDE, "codec": "rawinlay", "setting": setting, "pixels": pixels,
        "megapixels": round(pixels / 1e6, 3), "bpp": bpp, "threads": len(os.sched_getaffinity(0)), **cost,
        "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip
    if ahd:
        row |= {
            "ahd": ahd["wall"], "ahd_cores": ahd["cores"], "ratio": round(cost["wall"] / ahd["wall"], 3),
            "cores_ratio": round(cost["cores"] / ahd["cores"], 3),
        }  # fmt: skip
    return row
