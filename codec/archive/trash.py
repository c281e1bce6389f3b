"""RAWs that may go: decoded from their JPEGs in a process of its own, compared, moved into a folder with a manifest.

Nothing is deleted here: a person empties the folder.

=============  ======================================================================================
manifest key   meaning
=============  ======================================================================================
`raw`          where the RAW lay; `trash` where it lies now; `bytes`, `sha256` of it
`jpeg`         the JPEG that carries it; `jpeg_sha256`
`lossless`     whether every value came back; `psnr` if not, dB of white - black
`moved`        when, UTC
=============  ======================================================================================
"""

from __future__ import annotations

import datetime
import errno
import hashlib
import json
import math
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...bitstream.errors import InputError, RawinlayError
from ...bitstream.raw_image import RawImage
from ...bitstream.runtime.files import reason
from ..differences import lost

Source = str | Path | bytes

MANIFEST = "manifest.jsonl"

LEAST_PSNR = 40.0
"""dB below which a decoded RAW is taken for damaged, whatever rate was asked for: the coarsest rates that README shows
stay above 45."""


@dataclass(frozen=True)
class Check:
    """A decoded RAW beside its source. error: what forbids to let the source go, "" for nothing; lost: tags
    of its metadata that don't come back, "Exif LensModel"."""

    lossless: bool = False
    psnr: float | None = None
    error: str = ""
    lost: tuple[str, ...] = ()


def checked(raw: Source, jpeg: Source, promised_lossless: bool | None = None) -> Check:
    """Write the JPEG's DNG and compare it with the RAW, mosaic, levels and metadata. Never raises; run it in a fresh
    process.

    promised_lossless: None for what the JPEG itself says.
    """
    from ..api import decode
    from ..source.raw import RawFile

    try:
        decoded = decode(jpeg, preview="none")
        true, found = RawFile(raw).image, RawFile(decoded.dng()).image
        gone = tuple(f"{d.place} {d.tag}" for d in lost(true, found))
    except RawinlayError as error:
        return Check(error=str(error))
    check = _compared(true, found, decoded.lossless if promised_lossless is None else promised_lossless)
    if gone and not check.error:
        return replace(check, lost=gone, error=f"metadata would be lost: {', '.join(gone)}")
    return replace(check, lost=gone)


def _compared(true: RawImage, found: RawImage, promised_lossless: bool) -> Check:
    """Mosaics and levels."""
    from ..source.sensor import counted_alike

    whole = np.array_equal(true.mosaic, found.mosaic)
    if true.levels:
        whole = true.values.tobytes() == found.values.tobytes()
    found = counted_alike(true, found)
    if true.mosaic.shape != found.mosaic.shape or true.kind != found.kind:
        return Check(error="the decoded mosaic is of another size or pattern")
    if (true.white, true.black) != (found.white, found.black):
        return Check(error="the decoded levels differ")
    if whole:
        return Check(lossless=True)
    if promised_lossless:
        return Check(error="the decoded mosaic differs, though it was to be lossless")
    apart = true.mosaic.astype(np.float64) - found.mosaic
    psnr = -10 * math.log10(float(np.mean(apart**2)) / (true.white - float(np.mean(true.black))) ** 2)
    return Check(psnr=psnr, error="" if psnr >= LEAST_PSNR else f"the decoded mosaic is {psnr:.1f} dB from the RAW's")


def moved(raw: Path, jpeg: Path, check: Check, root: Path, trash: Path) -> Path:
    """Move a RAW into the trash folder, as it lay below `root`; the manifest is on the disk before it goes.

    InputError where it can't be; then the RAW lies where it lay.
    """
    inside = raw.relative_to(root) if raw.is_relative_to(root) else Path(raw.name)
    to = trash / inside
    number = 1
    while to.exists():
        to = (trash / inside).with_name(f"{inside.stem}.{number}{inside.suffix}")
        number += 1
    line = {
        "raw": str(raw), "trash": str(to), "bytes": raw.stat().st_size, "sha256": _sha256(raw), "jpeg": str(jpeg),
        "jpeg_sha256": _sha256(jpeg), "lossless": check.lossless,
        "psnr": None if check.psnr is None else round(check.psnr, 2),
        "moved": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with (trash / MANIFEST).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        _move(raw, to, str(line["sha256"]))
    except OSError as error:
        raise InputError(f"cannot move {raw} to {to}: {reason(error)}") from error
    return to


def _move(raw: Path, to: Path, sha256: str) -> None:
    """Rename; to another disk, copy, compare, then take the first away."""
    try:
        raw.rename(to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copy2(raw, to)
        with to.open("rb") as file:
            os.fsync(file.fileno())
        if _sha256(to) != sha256:
            to.unlink()
            raise OSError(errno.EIO, "the copy differs") from None
        raw.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
