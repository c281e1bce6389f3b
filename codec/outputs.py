"""A decoded RAW as files for other people's pipelines: TIFF, NumPy, bare numbers; DNG is `Decoded.dng`'s.

==========  ==========================================================================================================
`.tif`      the mosaic as one uncompressed picture of 16 bits; its facts as tags (those of DNG and TIFF/EP) and as JSON
            in ImageDescription. No DNG: programs show it as the grey picture that it is
`.npy`      NumPy's array, uint16 (H, W), or (H, W, values a pixel), or floating-point numbers
`.raw`      the values row by row, 16 bits, little-endian; its facts beside it, as `.raw.json`
==========  ==========================================================================================================
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from ..bitstream.dng.cells import cell_blacks, cell_tags
from ..bitstream.dng.writer import CFA_COLOURS
from ..bitstream.raw_image import RawImage, TiffValue
from ..bitstream.tiff import tags, tiff
from ..bitstream.tiff.tiff import Ifd

FORMATS = {".dng": "dng", ".tif": "tif", ".tiff": "tif", ".npy": "npy", ".raw": "raw"}
"""Which format an output's suffix means."""

COLOUR_TAGS = {"as_shot_neutral": 50728, "color_matrix_1": 50721, "color_matrix_2": 50722}


def facts_of(raw: RawImage) -> dict[str, Any]:
    """What has to be known of a mosaic's numbers, as JSON has it; lists of levels are by the sites of `cfa`."""
    (height, width), values, (black, white) = raw.size, raw.values, raw.real_levels
    known: dict[str, Any] = {
        "width": width, "height": height, "type": values.dtype.name, "byte_order": "little", "cfa": raw.kind,
        "black": list(black), "white": white, "orientation": raw.orientation, "camera": raw.camera,
    }  # fmt: skip
    if raw.cell:
        size, levels = cell_blacks(raw.cell, black)
        known |= {"values": raw.cell.samples, "pattern": [raw.cell.rows, raw.cell.cols, raw.cell.colours]}
        known |= {"black": levels, "black_pattern": list(size)}
    for name, tag in COLOUR_TAGS.items():
        if tag in raw.ifd0_tags:
            known[name] = [round(n, 6) for n in tiff.value_numbers(raw.ifd0_tags[tag])]
    return known


def tif(raw: RawImage) -> bytes:
    """The mosaic as a TIFF file. Raises InputError over 4 GiB."""
    (height, width), values = raw.size, raw.values
    samples, floating = values.shape[2] if values.ndim > 2 else 1, values.dtype != np.uint16
    filters = {
        33421: tiff.pack_value(tiff.SHORT, 2, 2),
        33422: tiff.pack_value(tiff.BYTE, *(CFA_COLOURS[c] for c in raw.cfa)),
    } if not raw.cell else {tag: v for tag, v in cell_tags(raw.cell).items() if tag != 262}  # fmt: skip
    text = json.dumps(facts_of(raw)).encode() + b"\0"
    root = Ifd(
        {
            **tags.allowed_tags(tags.IFD0, raw.ifd0_tags),
            254: tiff.pack_value(tiff.LONG, 0),
            256: tiff.pack_value(tiff.LONG, width),
            257: tiff.pack_value(tiff.LONG, height),
            258: tiff.pack_value(tiff.SHORT, *(8 * values.dtype.itemsize,) * samples),
            259: tiff.pack_value(tiff.SHORT, 1),
            262: tiff.pack_value(tiff.SHORT, 2 if samples == 3 else 1),
            270: TiffValue(tiff.ASCII, len(text), text),
            274: tiff.pack_value(tiff.SHORT, raw.orientation),
            277: tiff.pack_value(tiff.SHORT, samples),
            339: tiff.pack_value(tiff.SHORT, *(3 if floating else 1,) * samples),
            **({338: tiff.pack_value(tiff.SHORT, 0, 0, 0)} if samples == 4 else {}),
            278: tiff.pack_value(tiff.LONG, height),
            **filters,
            50713: tiff.pack_value(tiff.SHORT, 2, 2),
            50714: tiff.pack_value(tiff.RATIONAL, *(n for level in raw.black for n in (round(level * 1024), 1024))),
            50717: tiff.pack_value(tiff.LONG, round(raw.real_levels[1])),
        },
        chunks=[little_endian(raw)],
    )
    exif = tags.allowed_tags(tags.EXIF, raw.exif_tags)
    if exif:
        root.subs[tiff.EXIF_IFD] = [Ifd(exif)]
    return tiff.write_tiff(root)


def npy(raw: RawImage) -> bytes:
    """The mosaic as NumPy's file."""
    out = io.BytesIO()
    np.save(out, _little(raw.values), allow_pickle=False)
    return out.getvalue()


def little_endian(raw: RawImage) -> bytes:
    """The mosaic's values, row by row."""
    return _little(raw.values).tobytes()


def _little(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
