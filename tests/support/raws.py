"""RAWs for tests: synthetic ones, hand-made DNGs with any tags, and the real files beside the repository."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.tiff import Ifd, pack_ascii, pack_value

MATRIX = (7309, -1403, -519, -8474, 16008, 2622, -2433, 2826, 8064)
BAYER_FILES = ("nikon-d5000-a.dng", "nikon-d5000-b.dng", "nikon-d1.nef", "canon-kissx4-chart.dng", "gopro-hero6.dng",
               "gopro-fusion.dng")

SLOW = os.environ.get("RAWINLAY_SLOW", "0")
slow = pytest.mark.skipif(SLOW not in ("1", "all"), reason="takes minutes: set RAWINLAY_SLOW=1")
long = pytest.mark.skipif(SLOW != "all", reason="before a release: set RAWINLAY_SLOW=all")
"""Of the benchmark's rivals and pages, and repetitions of what quicker tests show: CI has to end in minutes."""

SOME_FILES = BAYER_FILES if SLOW == "all" else ("nikon-d1.nef", "canon-kissx4-chart.dng")
"""What the slow tests take: the two small ones, so that all of CI is a matter of minutes; all before a release."""


def shared_raw(name: str) -> Path:
    """The path of a real RAW file; skips the test, saying where it was looked for, when it is not there."""
    root = Path(os.environ.get("RAWINLAY_SHARED") or Path(__file__).parents[3] / "shared")
    path = root / "data" / "raw" / name
    if not path.exists():
        pytest.skip(f"no real RAW files in {path.parent}; RAWINLAY_SHARED names another folder")
    return path


def colour_tags() -> dict[int, tiff.TiffValue]:
    """Maker, model, matrix, illuminant and neutral of an ordinary camera."""
    return {271: pack_ascii("Maker"), 272: pack_ascii("Maker One"), 50708: pack_ascii("Maker One"),
            50721: pack_value(tiff.SRATIONAL, *(n for m in MATRIX for n in (m, 10000))),
            50778: pack_value(tiff.SHORT, 21), 50728: pack_value(tiff.RATIONAL, 1, 2, 1, 1, 2, 3)}


def synthetic_raw(cfa: str = "RGGB", shape: tuple[int, int] = (300, 404), bits: int = 14, **fields: Any) -> RawImage:
    """A smooth coloured scene with noise, highlights above the white level, and levels of `bits`."""
    rng = np.random.default_rng(sum(shape) + bits)
    y, x = np.mgrid[: shape[0], : shape[1]]
    top = (1 << bits) - 1
    gain = np.array([[{"R": 0.5, "G": 1.0, "B": 0.7}[cfa[2 * i + j]] for j in (0, 1)] for i in (0, 1)])
    scene = (0.5 + 0.5 * np.sin(x / 37) * np.cos(y / 23)) * gain[y % 2, x % 2]
    black = top // 64
    mosaic = (black + scene * (top - black) + rng.normal(0, top / 200, shape)).clip(0, top).astype(np.uint16)
    mosaic[: shape[0] // 8, : shape[1] // 8] = top
    values = {"black": (black,) * 4, "white": top - top // 16, "camera": "Maker One", "ifd0_tags": colour_tags()}
    return RawImage(mosaic=mosaic, cfa=cfa, **{**values, **fields})


def plain_dng(mosaic: np.ndarray, cfa: bytes = b"\0\1\1\2", **tags: Any) -> bytes:
    """An uncompressed one-directory DNG of `mosaic` (H, W) or (H, W, 3); `t<tag>=value` sets a tag, None drops it."""
    height, width = mosaic.shape[:2]
    samples = mosaic.shape[2] if mosaic.ndim == 3 else 1
    side = 6 if len(cfa) == 36 else 2
    values = {
        **colour_tags(),
        254: pack_value(tiff.LONG, 0), 256: pack_value(tiff.LONG, width), 257: pack_value(tiff.LONG, height),
        258: pack_value(tiff.SHORT, *[16] * samples), 259: pack_value(tiff.SHORT, 1),
        262: pack_value(tiff.SHORT, 32803 if samples == 1 else 34892), 274: pack_value(tiff.SHORT, 1),
        277: pack_value(tiff.SHORT, samples), 278: pack_value(tiff.LONG, height), 284: pack_value(tiff.SHORT, 1),
        33421: pack_value(tiff.SHORT, side, side), 33422: pack_value(tiff.BYTE, *cfa),
        50706: pack_value(tiff.BYTE, 1, 4, 0, 0), 50707: pack_value(tiff.BYTE, 1, 1, 0, 0),
        50714: pack_value(tiff.LONG, *[64] * samples), 50717: pack_value(tiff.LONG, *[16000] * samples),
        **{int(name[1:]): value for name, value in tags.items()},
    }
    kept = {tag: value for tag, value in values.items() if value is not None}
    return tiff.write_tiff(Ifd(kept, chunks=[mosaic.astype("<u2").tobytes()]))
