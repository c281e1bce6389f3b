"""Whether developers make the same of a RAW and of its lossless DNG: `python -m tests.campaigns.developers FOLDER`.

For each RAW of a folder: encode without loss into its own JPEG, decode, and have LibRaw, darktable and RawTherapee
(those that are installed) develop both, without the profiles that they take from a file's preview. A line for each
program: the pictures' sizes and their mean and largest absolute difference, of 255; exit code 1 where a size differs or
the mean is above 0.3.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from rawinlay import decode, encode
from rawinlay.bitstream.errors import RawinlayError

MOST = 0.3
MINUTES = 10


def by_libraw(source: Path, scratch: Path) -> np.ndarray:
    """LibRaw's default development with the camera's white balance, uint8 (H, W, 3)."""
    import rawpy

    with rawpy.imread(str(source)) as raw:
        return np.asarray(raw.postprocess(use_camera_wb=True, no_auto_bright=True))


def by_darktable(source: Path, scratch: Path) -> np.ndarray:
    """darktable's default modules."""
    settings = ["--apply-custom-presets", "0", "--core", "--library", ":memory:", "--configdir", str(scratch / "dt")]
    return _developed(["darktable-cli", str(source), "{out}", *settings], scratch)


def by_rawtherapee(source: Path, scratch: Path) -> np.ndarray:
    """RawTherapee's neutral profile: its default one takes its curve from the file's preview."""
    return _developed(["rawtherapee-cli", "-Y", "-t", "-b8", "-o", "{out}", "-c", str(source)], scratch)


PROGRAMS: dict[str, Callable[[Path, Path], np.ndarray]] = {
    "libraw": by_libraw, "darktable-cli": by_darktable, "rawtherapee-cli": by_rawtherapee,
}  # fmt: skip


def _developed(command: list[str], scratch: Path) -> np.ndarray:
    out = scratch / "developed.tif"
    out.unlink(missing_ok=True)
    words = [word.replace("{out}", str(out)) for word in command]
    done = subprocess.run(words, capture_output=True, check=False, text=True, timeout=60 * MINUTES)
    if not out.exists():
        raise RuntimeError(f"{words[0]} wrote nothing: {(done.stderr or done.stdout).strip()[-200:]}")
    with Image.open(out) as picture:
        return np.asarray(picture.convert("RGB"))


def compared(raw: Path, dng: Path, name: str, scratch: Path) -> tuple[str, bool]:
    """A line, and whether it is as it should be."""
    try:
        one, other = (PROGRAMS[name](path, scratch) for path in (raw, dng))
    except RuntimeError as error:
        return str(error), False
    (h, w), (height, width) = one.shape[:2], other.shape[:2]
    if (h, w) != (height, width):
        return f"{w}x{h} -> {width}x{height}", False
    difference = np.abs(one.astype(np.int16) - other)
    return f"{w}x{h}, mean {difference.mean():.3f}, most {difference.max()}", bool(difference.mean() <= MOST)


def run(folder: Path, scratch: Path) -> tuple[int, int]:
    """(pairs compared, those that are not as they should be); a line each is printed. What is no RAW is passed over."""
    names = [name for name in PROGRAMS if name == "libraw" or shutil.which(name)]
    count = bad = 0
    for raw in sorted(p for p in folder.iterdir() if p.is_file()):
        try:
            carrier = encode(raw, lossless=True)
        except RawinlayError:
            continue
        dng = scratch / f"{raw.stem}.dng"
        dng.write_bytes(decode(carrier.jpeg).dng())
        for name in names:
            line, good = compared(raw, dng, name, scratch)
            count, bad = count + 1, bad + (not good)
            print(f"{raw.name} {name}: {line}{'' if good else '  <--'}", flush=True)
        dng.unlink()
    return count, bad


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        count, bad = run(args.folder, Path(scratch))
    print(f"{count} pairs of pictures, {bad} differ")
    return 1 if bad or not count else 0


if __name__ == "__main__":
    sys.exit(main())
