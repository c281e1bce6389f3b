"""Whether a decoded DNG tells what its RAW does: `python -m tests.campaigns.metadata FOLDER`.

For each RAW of a folder: encode into its own JPEG, decode, and ask exiftool and exiv2 of both for lens, dates, place,
names, ISO and exposure. A line for each tag that differs, and one at the end; exit code 1 where there was any.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rawinlay import decode, encode
from rawinlay.bitstream.errors import RawinlayError

TAGS = (
    "Make", "Model", "Software", "DateTimeOriginal", "CreateDate", "ModifyDate", "SubSecTimeOriginal",
    "OffsetTimeOriginal", "Artist", "Copyright", "OwnerName", "SerialNumber", "InternalSerialNumber", "Lens",
    "LensType", "LensModel", "LensInfo", "LensSerialNumber", "LensID", "ISO", "ExposureTime", "FNumber", "FocalLength",
    "ExposureCompensation", "ExposureProgram", "MeteringMode", "Flash", "WhiteBalance", "GPSLatitude", "GPSLongitude",
    "GPSAltitude", "GPSDateStamp", "GPSTimeStamp", "ImageDescription", "UserComment", "Rating", "Subject", "Keywords",
    "OriginalRawFileName",
)  # fmt: skip
OF_EXIV2 = ("Exif.Photo.LensModel", "Exif.Photo.DateTimeOriginal", "Exif.Photo.ExposureTime", "Exif.Image.Model")
NUMBERS = 1e-6


def told(file: Path) -> dict[str, str]:
    """What exiftool says of a file, blanks and exposures of zero left out, which say nothing."""
    done = subprocess.run(["exiftool", "-j", "-n", "-m", *(f"-{tag}" for tag in TAGS), str(file)], capture_output=True,
                          check=False, timeout=120)  # fmt: skip
    found = json.loads(done.stdout or b"[{}]")[0]
    return {k: str(v) for k, v in found.items() if k != "SourceFile" and str(v).strip() not in ("", "0")}


def lens_of_exiv2(file: Path) -> list[str]:
    """All that exiv2 says of the lens, the date and the camera."""
    if shutil.which("exiv2") is None:
        return []
    done = subprocess.run(["exiv2", "-q", "-pt", *(word for key in OF_EXIV2 for word in ("-K", key)), str(file)],
                          capture_output=True, check=False, timeout=120)  # fmt: skip
    return [" ".join(line.split()) for line in done.stdout.decode("utf-8", "replace").splitlines()]


def differences(raw: Path, dng: Path) -> Iterator[str]:
    """A line for each tag that the RAW has and the DNG has not, or differently."""
    one, other = told(raw), told(dng)
    lenses = lens_of_exiv2(dng)
    for tag, value in one.items():
        if not _same(value, other.get(tag)):
            yield f"{raw.name}: {tag} {value!r} -> {other.get(tag)!r}"
    for line in lens_of_exiv2(raw):
        if line not in lenses and "(0/" not in line and not line.split(" Ascii ")[-1].strip().isdigit():
            yield f"{raw.name}: exiv2's {line} is gone"


def _same(one: str, other: str | None) -> bool:
    if other is None or one == other:
        return one == other
    a, b = one.split(), other.split()
    try:
        pairs = list(zip(a, b, strict=True))
        return all(abs(float(x) - float(y)) <= NUMBERS * max(1.0, abs(float(x))) for x, y in pairs)
    except ValueError:
        return False


def run(folder: Path, scratch: Path, **options: object) -> tuple[int, list[str]]:
    """(RAWs that were tried, what differs) of all files of a folder; what is no RAW of ours is passed over."""
    lines, count = [], 0
    for raw in sorted(p for p in folder.iterdir() if p.is_file()):
        try:
            carrier = encode(raw, **options)  # type: ignore[arg-type]
        except RawinlayError:
            continue
        dng = scratch / f"{raw.stem}.dng"
        dng.write_bytes(decode(carrier.jpeg, preview="none").dng())
        count += 1
        lines += differences(raw, dng)
        dng.unlink()
    return count, lines


def main() -> int:
    """The command."""
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        count, lines = run(args.folder, Path(scratch), quality=20, effort=1)
    for line in lines:
        print(line)
    print(f"{count} RAWs, {len(lines)} tags that differ")
    return 1 if lines or not count else 0


if __name__ == "__main__":
    sys.exit(main())
