"""R2LCM++'s published protocol with our codec, on other data: `rawinlay bench protocol`.

The learned codecs of this field (SAM, CAM, R2LCM, R2LCM++) are published for another task than ours: the target is no
mosaic but a demosaicked RAW of three colours, made small, and the guide is an sRGB picture developed from that same
demosaicked RAW, of 8 bits and not compressed. Bits are counted per pixel of three colours, PSNR is over all three, its
mean over pictures. This module runs our codec in the same way as far as it can be::

    RAW --LibRaw: demosaicked, camera white balance, linear, 16 bits--> --bicubic / 4--> target (h, w, 3)
     '--LibRaw: the same, developed to sRGB, 8 bits, no auto-brightening--> --bicubic / 4--> guide (h, w, 3)

    cells:   target --a 2x2 cell R G G B a pixel--> mosaic (2h, 2w) --codec--> R, mean of G, B --> PSNR over h w 3
    mosaic:  target --one colour a pixel, RGGB----> mosaic (h, w)   --codec--> mosaic          --> PSNR over h w

**What is alike.** Data through LibRaw and the factor 4 as in the released code for MIT-Adobe FiveK; the guide's and the
target's common demosaicking, white balance and clipping, which make the task so much easier than a camera's JPEG; the
measure; the rates, at which theirs are published.

**What is not.** *Other data*: their table is of three cameras of NUS, developed by Karaimer and Brown's software camera
and made small by an unknown factor; ours is of the RAWs that are given. They train a network per camera; ours is one
for all and has seen none of these. Our guide has to be a JPEG: it is stored with quality 100 and 4:4:4, so it carries
the DCT's rounding on top of the 8 bits. In `cells`, which is comparable in what is coded, our codec has to code each
green twice, for it knows mosaics only. `mosaic` is what it is made for: one colour in three is coded, so its figures
are *not* comparable with the published ones and stand there for orientation. Our bytes are what a file grows by; theirs
leave out what a decoder would need besides (research notes: order masks, padding).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ..bitstream.dng.writer import write_dng
from ..bitstream.errors import InputError, RawinlayError
from ..bitstream.raw_image import RawImage
from ..bitstream.runtime.files import write_atomically
from .inputs import Input
from .processes import Codec, Failed, Processes
from .protocol_data import CELLS, MOSAIC, WHITE, jpeg_of, make_pair, score, to_cells, to_mosaic
from .rows import Results, Row, commit, key, machine, versions

RATES = (0.3763, 0.75, 0.8438, 1.225)  # bits per pixel of three colours, at which there are published figures

PUBLISHED = (
    # method, guide, bpp, then PSNR in dB of the cameras of NUS: Samsung NX2000, Olympus E-PL6, Sony SLT-A57
    ("SAM", "16-bit sRGB", 0.75, 47.03, 49.35, 50.44),
    ("CAM", "8-bit sRGB", 0.8438, 46.24, 46.84, 47.66),
    ("CAM, tuned per picture", "8-bit sRGB", 0.8438, 49.40, 50.37, 51.63),
    ("R2LCM", "8-bit sRGB", 1.225, 50.78, 53.56, 53.87),
    ("R2LCM++", "8-bit sRGB", 0.3763, 56.74, 59.04, 58.21),
)
"""Table 1 of arXiv 2306.12058, as its authors publish it; uncompressed sRGB."""


class Protocol:
    """One run: rows go to `results`, a line each is said by `say`."""

    def __init__(self, results: Results, processes: Processes, say: Callable[[str], None]) -> None:
        self.results, self.processes, self.say = results, processes, say
        self.setup: Row = {"machine": machine(), "commit": commit(), "versions": versions()}

    def run(self, sources: Sequence[Input], codecs: Sequence[Codec], jobs: int) -> None:
        """Measure what is missing, `jobs` files at once; KeyboardInterrupt and the like end all processes first."""
        pool = ThreadPoolExecutor(max(1, jobs))
        try:
            for future in [pool.submit(self.measure, source, codecs) for source in sources]:
                future.result()
        finally:
            self.processes.stop()
            pool.shutdown(cancel_futures=True)

    def measure(self, source: Input, codecs: Sequence[Codec]) -> None:
        """The rows of one file that are missing."""
        heads = [
            {"file": source.name, "guide": layout, "codec": codec.name, "setting": f"bpp={rate:g}"}
            for layout in (CELLS, MOSAIC) for codec in codecs for rate in RATES
        ]  # fmt: skip
        missing = [head for head in heads if key(head) not in self.results.done]
        if not missing or self.processes.stopped:
            return
        try:
            pair = make_pair(source.raw)
        except InputError as error:
            self.say(f"left out: {error}")
            return
        guided = {codec.name: codec.guided for codec in codecs}
        with tempfile.TemporaryDirectory(prefix="rawinlay-bench-") as work:
            for layout in (CELLS, MOSAIC):
                raw, jpeg = Path(work) / f"{layout}.dng", Path(work) / f"{layout}.jpg"
                mosaic = to_cells(pair.target) if layout == CELLS else to_mosaic(pair.target)
                write_atomically(raw, write_dng(RawImage(mosaic, "RGGB", (0.0,) * 4, WHITE)))
                write_atomically(jpeg, jpeg_of(pair.guide, layout))
                for head in missing:
                    if head["guide"] == layout and not self.processes.stopped:
                        self._row(head, pair.target, raw, jpeg if guided[head["codec"]] else None)

    def _row(self, head: Row, target: np.ndarray, raw: Path, jpeg: Path | None) -> None:
        layout, codec = head["guide"], head["codec"]
        pixels = target.shape[0] * target.shape[1]
        samples = 4 * pixels if layout == CELLS else to_mosaic(target).size
        asked = float(head["setting"].removeprefix("bpp=")) * pixels / samples
        row = head | {"pixels": pixels} | self.setup
        try:
            with tempfile.TemporaryDirectory(dir=raw.parent) as work:
                stream, decoded = Path(work) / "stream", Path(work) / "mosaic.npy"
                size, encode = self.processes.encode(codec, raw, jpeg, f"bpp={asked:.6g}", stream)
                decode = self.processes.decode(codec, stream, jpeg, decoded)
                found = score(target, np.load(decoded, allow_pickle=False), layout)
            row |= {"bytes": size, "bpp": 8 * size / pixels, **found, "encode": encode, "decode": decode}
        except Exception as error:  # whatever it is, the other rows are measured
            if self.processes.stopped:
                return
            row |= {"error": str(error) if isinstance(error, Failed | RawinlayError) else repr(error)}
        self.results.add(row)
        said = row.get("error") or f"{row['bpp']:.4f} bpp, {row['psnr'] or float('inf'):.2f} dB"
        self.say(f"{row['file']} {layout} {codec} {row['setting']}: {said}")


def table(rows: Iterable[Row]) -> Row:
    """What was measured beside what is published, fit for JSON.

    {"note": text, "published": [{"method", "guide", "bpp", "psnr": {camera: dB}}],
    "measured": [{"codec", "layout", "bpp", "psnr", "ssim", "files", "worst"}]}: means over files, `layout` "cells" is
    the comparable one; files without any error are left out of the mean and counted by "exact".
    """
    groups: dict[tuple[str, str, float], list[Row]] = {}
    for row in rows:
        if "error" not in row:
            rate = float(row["setting"].removeprefix("bpp="))
            groups.setdefault((row["codec"], row["guide"], rate), []).append(row)
    measured = []
    for (codec, layout, _), part in sorted(groups.items()):
        found = [row["psnr"] for row in part if row["psnr"] is not None]
        alike = [row["ssim"] for row in part if row["ssim"] is not None]
        measured.append({
            "codec": codec, "layout": layout, "bpp": float(np.mean([row["bpp"] for row in part])),
            "psnr": float(np.mean(found)) if found else None, "worst": min(found, default=None),
            "ssim": float(np.mean(alike)) if alike else None, "files": len(part), "exact": len(part) - len(found),
        })  # fmt: skip
    cameras = ("Samsung NX2000", "Olympus E-PL6", "Sony SLT-A57")
    published = [
        {"method": method, "guide": guide, "bpp": bpp, "psnr": dict(zip(cameras, psnr, strict=True))}
        for method, guide, bpp, *psnr in PUBLISHED
    ]
    return {"note": NOTE, "published": published, "measured": measured}


NOTE = (
    "OTHER DATA: the published figures are of NUS pictures of three cameras, ours of the RAWs given here, run through "
    "the same kind of protocol: demosaicked RAW of three colours, made small by 4, guided by an 8-bit sRGB picture of "
    "the same demosaicking. No figure of one half says anything about the other half's pictures. Layout 'cells' codes "
    "three colours a pixel (and green twice); layout 'mosaic' codes one colour a pixel, as our codec is made for, and "
    "is not comparable at all."
)


def markdown(found: Row) -> str:
    """The table as text."""
    cameras = list(found["published"][0]["psnr"])
    lines = ["# R2LCM++'s protocol", "", found["note"], "", "| published | guide | bpp | " + " | ".join(cameras) + " |"]
    lines.append("|---" * (3 + len(cameras)) + "|")
    for entry in found["published"]:
        figures = " | ".join(f"{entry['psnr'][camera]:.2f}" for camera in cameras)
        lines.append(f"| {entry['method']} | {entry['guide']} | {entry['bpp']:.4f} | {figures} |")
    lines += ["", "| measured, other data | layout | bpp | PSNR, mean | worst | SSIM | files |", "|---" * 7 + "|"]
    for entry in found["measured"]:
        psnr, worst = (f"{entry[n]:.2f}" if entry[n] is not None else "no error" for n in ("psnr", "worst"))
        ssim = f"{entry['ssim']:.4f}" if entry["ssim"] is not None else "-"
        files = f"{entry['files']}" + (f", {entry['exact']} without error" if entry["exact"] else "")
        head = f"{entry['codec']} | {entry['layout']} | {entry['bpp']:.4f}"
        lines.append(f"| {head} | {psnr} | {worst} | {ssim} | {files} |")
    return "\n".join(lines) + "\n"


def write_table(folder: Path, rows: Iterable[Row]) -> Row:
    """Write protocol.json and protocol.md into `folder`; what the first holds."""
    found = table(rows)
    write_atomically(folder / "protocol.json", json.dumps(found, indent=1).encode() + b"\n")
    write_atomically(folder / "protocol.md", markdown(found).encode())
    return found
