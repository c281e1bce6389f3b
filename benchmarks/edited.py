"""What edits show of decoded RAWs at equal bytes, developed at full size: `rawinlay bench edits`.

::

    RAW --centre cut, a plain DNG--> guide's JPEG --> rawinlay, both tunes, at each rate
                                                 '--> the edited JPEG: what one has without any RAW
                                     JPEG XL, linear and square root, at the distance that meets the rate
    decoded mosaics --`eval.developed`: LibRaw's AHD, each of its edits--> `eval.differences` --> a row of edited.jsonl

The edited JPEG is at its best: each of its channels becomes linear by a table fitted to the true development, and it
is edited from there. It is measured where it lies over the development pixel by pixel, as LibRaw's renderings do.

What the rows say together: `benchmarks.needed`.
"""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from ..bitstream.dng.writer import write_dng
from ..bitstream.errors import RawinlayError
from ..bitstream.raw_image import RawImage
from ..bitstream.rect import Rect
from ..bitstream.runtime.files import read_file, write_atomically
from ..codec.isp.colour import luminance, srgb_encode
from ..codec.source.raw import read_raw
from ..eval.developed import EDITS, FullDeveloper, apply
from ..eval.differences import block_means, blocks, difference
from ..eval.metrics import finite_or_none, psnr
from ..eval.pictures import crop
from .guides import Guide, Unavailable, render
from .inputs import Input
from .needed import NEEDED, curves, next_rate
from .peers.base import Peer
from .peers.jxl import COARSEST, FINEST, JxlLossy
from .peers.ours import Rawinlay
from .rows import Results, Row, commit, key, machine, versions

RATES = (0.2, 0.4, 1.0, 2.0)
EDITED_JPEG = "edited-jpeg"
TOLERANCE, ROUNDS = 0.02, 12
"""By how much JPEG XL's bytes may miss the rate, and tries to meet it."""

TRIES = 4
"""Of the search for the bytes that a SSIMULACRA2 takes, a goal."""

FLIPPED = ("as_shot", "plus2ev")
"""Edits measured by FLIP too, which takes as long as all else."""

BORDER, ALIKE = 32, 0.2
"""Pixels that programs leave out at most, both borders together, and the correlation of fine detail from which on a
JPEG lies over a development."""

Place = tuple[slice, slice]
WHOLE: Place = (slice(None), slice(None))


class Tuned(Rawinlay):
    """rawinlay as `encode` is by itself."""

    name, tune = "rawinlay-edit", "edit"


def codecs() -> list[Peer]:
    """All that are given bytes, ours first."""
    return [Tuned(), Rawinlay(), JxlLossy("linear"), JxlLossy("sqrt")]


def cut(source: Input, size: tuple[int, int], folder: Path) -> Input:
    """The middle of a RAW, of so many columns and rows, as a DNG of its own that is not turned."""
    raw = read_raw(source.raw)
    height, width = raw.mosaic.shape
    top, left = max(0, height - size[1]) // 4 * 2, max(0, width - size[0]) // 4 * 2
    part = crop(raw, Rect.at(left, top, *size))
    path = folder / f"{source.raw.stem}.dng"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, write_dng(replace(part, orientation=1, raw_tags={})))
    return Input(source.name, path)


class Measured:
    """One RAW's true developments, and what others are against them."""

    def __init__(self, raw: RawImage, edits: Sequence[str] = tuple(EDITS)) -> None:
        self.raw, self.developer = raw, FullDeveloper(raw)
        self._blended = sorted({edit == "highlights" for edit in edits} | {False})
        self._linear = {blended: self.developer.linear(raw.mosaic, blended) for blended in self._blended}
        self.true = {edit: apply(self._linear[edit == "highlights"], edit) for edit in edits}

    def mosaic(self, found: np.ndarray) -> Row:
        """Measures of a decoded mosaic."""
        linear = {blended: self.developer.linear(found, blended) for blended in self._blended}
        row = self._edits(lambda edit: linear[edit == "highlights"])
        row["blocks"] = blocks(self._linear[False], linear[False])
        row["blocks_mosaic"] = block_means(self.developer, found)
        return {"psnr": finite_or_none(psnr(self.raw, found)), **row}

    def picture(self, jpeg: bytes) -> Row | None:
        """Measures of a JPEG that is edited instead, where it lies; None where it does not lie over the development."""
        with Image.open(io.BytesIO(jpeg)) as opened:
            shown = np.asarray(opened.convert("RGB"))
        true = self._linear[False]
        place = laid(shown, true)
        if place is None:
            return None
        true = true[place]
        linear = np.stack([_lightened(shown[..., c], true[..., c]) for c in range(3)], -1)
        return {"blocks": blocks(true, linear), **self._edits(lambda edit: linear, place)}

    def _edits(self, linear: Callable[[str], np.ndarray], place: Place = WHOLE) -> Row:
        return {
            "edits": {
                edit: difference(np.ascontiguousarray(true[place]), apply(linear(edit), edit), edit in FLIPPED)
                for edit, true in self.true.items()
            }
        }


def laid(shown: np.ndarray, true: np.ndarray) -> Place | None:
    """Which part of a development a JPEG shows pixel by pixel: programs leave out a few pixels at the borders.

    None where it is larger, or much smaller, or where no shift makes them alike.
    """
    room = [t - s for t, s in zip(true.shape[:2], shown.shape[:2], strict=True)]
    if min(room) < 0 or max(room) > BORDER:
        return None
    (h, w), fine = shown.shape[:2], [_fine(luminance(p)) for p in (shown / np.float32(255), srgb_encode(true))]
    places = [(slice(r, r + h), slice(c, c + w)) for r in range(room[0] + 1) for c in range(room[1] + 1)]
    alike = [float(np.corrcoef(fine[0].ravel(), fine[1][place].ravel())[0, 1]) for place in places]
    best = int(np.argmax(alike))
    return places[best] if alike[best] > ALIKE else None


def _fine(light: np.ndarray) -> np.ndarray:
    return np.asarray(light - gaussian_filter(light, 3.0))


def _lightened(shown: np.ndarray, true: np.ndarray) -> np.ndarray:
    """A channel of 8 bits in linear light, by the rising table that is nearest to the truth."""
    count = np.bincount(shown.ravel(), minlength=256)
    means = np.bincount(shown.ravel(), true.ravel(), 256) / np.maximum(count, 1)
    known = np.flatnonzero(count)
    table = np.interp(np.arange(256), known, np.maximum.accumulate(means[known]))
    return table.astype(np.float32)[shown]


def at_rate(codec: Peer, raw: Path, jpeg: Path, bpp: float, sites: int) -> tuple[int, np.ndarray]:
    """Bytes and decoded mosaic of a codec at a rate: what takes a rate at it, JPEG XL at the distance that meets it."""
    if codec.guided:
        data = codec.encode_file(raw, jpeg, f"bpp={bpp:g}")
    else:
        data, goal = b"", bpp * sites / 8
        low, high = math.log(FINEST), math.log(COARSEST)
        for _ in range(ROUNDS):
            middle = (low + high) / 2
            data = codec.encode_file(raw, None, f"distance={math.exp(middle):.6g}")
            if abs(len(data) / goal - 1) < TOLERANCE:
                break
            low, high = (middle, high) if len(data) > goal else (low, middle)
    with tempfile.TemporaryDirectory() as work:
        stream = Path(work) / "stream"
        write_atomically(stream, data)
        mosaic = codec.decode_file(stream, jpeg if codec.guided else None)
    return codec.added(data, read_file(jpeg, "JPEG") if codec.guided else None), mosaic


@dataclass(frozen=True)
class Campaign:
    """What is measured: sources, guides, columns and rows of the cut, a folder of cuts and guides, rows, words."""

    sources: Sequence[Input]
    guides: Sequence[Guide]
    size: tuple[int, int]
    out: Path
    results: Results
    say: Callable[[str], None]

    def rows(self, rates: Sequence[float]) -> None:
        """Measure what is missing. The rate moves slowest and the file fastest: what a stopped run has is a fair
        sample."""
        for rate in rates:
            for guide in self.guides:
                for source in self.sources:
                    self._measure(source, guide, [(codec, rate) for codec in codecs()] + [(None, 0.0)])

    def needed(self, wanted: Sequence[float] = NEEDED) -> None:
        """Look for the rates at which +2 EV reaches a SSIMULACRA2: rows at rates of their own."""
        for goal in wanted:
            for guide in self.guides:
                for source in self.sources:
                    for codec in (Tuned(), JxlLossy("sqrt")):
                        for _ in range(TRIES):
                            rate = next_rate(self._curve(source, guide, codec), goal)
                            if rate is None or not self._measure(source, guide, [(codec, rate)], ("plus2ev",)):
                                break

    def _curve(self, source: Input, guide: Guide, codec: Peer) -> list[tuple[float, float]]:
        at = source.name, guide.name if codec.guided else "", codec.name
        return curves(self.results.done.values()).get(at, [])

    def _measure(
        self, source: Input, guide: Guide, some: Sequence[tuple[Peer | None, float]],
        edits: Sequence[str] = tuple(EDITS),
    ) -> int:  # fmt: skip
        """Rows that were missing of one file and guide; how many there are now."""
        measured, found = None, 0
        for codec, rate in some:
            name = codec.name if codec else EDITED_JPEG
            shown = guide.name if codec is None or codec.guided else ""
            head: Row = {"file": source.name, "guide": shown, "codec": name, "setting": f"bpp={rate:g}"}
            if key(head) in self.results.done:
                continue
            part = cut(source, self.size, self.out / "cuts")
            measured = measured or Measured(read_raw(part.raw), edits)
            row = head | _row(measured, part, guide, codec, rate, self.out / "guides")
            self.results.add(row | self._setup)
            self.say(_line(row))
            found += "error" not in row
        return found

    @cached_property
    def _setup(self) -> Row:
        return {"machine": machine(), "commit": commit(), "versions": versions(), "cut": list(self.size)}


def _row(
    measured: Measured, part: Input, guide: Guide, codec: Peer | None, rate: float, cache: Path
) -> Row:
    try:
        jpeg, program = render(guide, part, cache)
        if codec is None:
            found = measured.picture(read_file(jpeg, "JPEG"))
            return found or {"error": "the JPEG does not lie over the development pixel by pixel"}
        sites = measured.raw.mosaic.size
        size, mosaic = at_rate(codec, part.raw, jpeg, rate, sites)
        made = {"guide_program": program} if codec.guided else {}
        return {"bytes": size, "bpp": 8 * size / sites, **made, **measured.mosaic(mosaic)}
    except (RawinlayError, Unavailable, OSError) as error:
        return {"error": str(error)}


def _line(row: Row) -> str:
    said = " ".join(filter(None, (row["file"], row["guide"], row["codec"], row["setting"])))
    if "error" in row:
        return f"{said}: ERROR {row['error']}"
    found = [f"{edit} {row['edits'][edit]['ssimulacra2']:.1f}" for edit in FLIPPED if edit in row["edits"]]
    return f"{said}: SSIMULACRA2 {', '.join(found)}"
