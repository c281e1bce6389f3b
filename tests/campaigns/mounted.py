"""Whether developers make the same of a mounted JPEG as of its DNG: `python -m tests.campaigns.mounted JPEG...`.

Each JPEG that carries a RAW is laid into a folder, the folder mounted (FUSE), and LibRaw, darktable and RawTherapee,
those that are installed, develop the DNG that shows there and the one that `decode` writes. A line for each program:
the largest absolute difference, of 255; exit code 1 where there is any.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from .developers import PROGRAMS

PATIENCE = 60.0
RAWINLAY = [sys.executable, "-m", "rawinlay"]


def main() -> int:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("jpegs", type=Path, nargs="+")
    args = parser.parse_args()
    differ = 0
    with tempfile.TemporaryDirectory(prefix="rawinlay-mounted-") as made:
        photos, mount, scratch = (Path(made) / name for name in ("photos", "mount", "scratch"))
        for folder in (photos, mount, scratch):
            folder.mkdir()
        for n, jpeg in enumerate(args.jpegs):
            shutil.copyfile(jpeg, photos / f"{n}.jpg")
            subprocess.run([*RAWINLAY, "decode", str(jpeg), "-o", str(scratch / f"{n}.dng"), "--quiet"], check=True)
        process = subprocess.Popen([*RAWINLAY, "mount", str(photos), str(mount), "--quiet"])
        try:
            end = time.monotonic() + PATIENCE
            while not (mount / "0.dng").exists() and time.monotonic() < end:
                time.sleep(0.1)
            for n, jpeg in enumerate(args.jpegs):
                for name, develop in PROGRAMS.items():
                    if name != "libraw" and not shutil.which(name):
                        continue
                    there, here = (develop(folder / f"{n}.dng", scratch).astype(int) for folder in (mount, scratch))
                    same = there.shape == here.shape
                    most = int(np.abs(there - here).max()) if same else 255
                    differ += most > 0
                    size = f"{there.shape[1]}x{there.shape[0]}"
                    print(f"{jpeg.name} {name}: {size}, largest difference {most}", flush=True)
        finally:
            process.terminate()
            process.wait(PATIENCE)
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
