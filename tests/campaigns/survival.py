"""What other programs do to a JPEG that carries a RAW, and what is said of it then: the table of docs/survival.md.

    python -m tests.campaigns.survival [--only WORD] [--write]

Each row runs the real program where it is installed. --write puts the table into the document.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import carriers
import numpy as np
from rawinlay.bitstream.errors import RawinlayError
from rawinlay.codec import api

DOCUMENT = Path(__file__).parents[2] / "docs" / "survival.md"
BEGIN, END = "<!-- made by tests/campaigns/survival.py -->\n", "<!-- end -->\n"
Act = Callable[[Path, Path], None]


class NotHereError(Exception):
    """The program is not installed."""


@dataclass(frozen=True)
class Row:
    """A program, what it was told to do, and what became of the file."""

    program: str
    action: str
    result: str
    said: str = ""

    def markdown(self) -> str:
        return f"| {self.program} | {self.action} | {self.result} | {self.said} |"


def ran(*words: str, data: bytes | None = None) -> bytes:
    """A program's stdout."""
    if shutil.which(words[0]) is None:
        raise NotHereError(words[0])
    done = subprocess.run(words, input=data, capture_output=True, timeout=300, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace")[-200:])
    return done.stdout


def version(*words: str) -> str:
    """The first number with points that a program says of itself."""
    import re

    if shutil.which(words[0]) is None:
        return ""
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    found = re.search(r"\d+\.\d+[\d.-]*\d", done.stdout + done.stderr)
    return found[0] if found else ""


def in_place(*words: str) -> Act:
    """A command that changes a file."""

    def act(source: Path, target: Path) -> None:
        shutil.copyfile(source, target)
        ran(*words, str(target))

    return act


def piped(*words: str) -> Act:
    """A command that reads stdin and writes stdout."""
    return lambda source, target: target.write_bytes(ran(*words, data=source.read_bytes())) and None


def between(program: str, *words: str, before: tuple[str, ...] = ()) -> Act:
    """A command of the form PROGRAM [..] IN [..] OUT."""
    return lambda source, target: ran(program, *before, str(source), *words, str(target)) and None


def of_bytes(change: Callable[[bytes], bytes]) -> Act:
    return lambda source, target: target.write_bytes(change(source.read_bytes())) and None


def pillow(**options) -> Act:
    def act(source: Path, target: Path) -> None:
        from PIL import Image

        with Image.open(source) as picture:
            more = {key: picture.info[key] for key in ("exif", "icc_profile", "xmp") if options.get(key) is True
                    and key in picture.info}  # fmt: skip
            picture.save(target, "JPEG", **{**options, **more})

    return act


def zipped(data: bytes) -> bytes:
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", data)
    with zipfile.ZipFile(box) as archive:
        return archive.read("a.jpg")


def jpeg_xl(data: bytes) -> bytes:
    import imagecodecs

    return imagecodecs.jpegxl_decode_jpeg(imagecodecs.jpegxl_encode_jpeg(data))


def mozjpeg(copy: str) -> Act:
    def change(data: bytes) -> bytes:
        import mozjpeg_lossless_optimization as moz

        return moz.optimize(data, copy=getattr(moz.COPY_MARKERS, copy))

    return of_bytes(change)


def vips(source: Path, target: Path) -> None:
    import pyvips

    pyvips.Image.new_from_file(str(source)).jpegsave(str(target), keep="all")


def opencv(source: Path, target: Path) -> None:
    import cv2

    cv2.imwrite(str(target), cv2.imread(str(source)))


def jpeglib(source: Path, target: Path) -> None:
    import jpeglib

    jpeglib.read_dct(str(source)).write_dct(str(target))


def piexif(source: Path, target: Path) -> None:
    import piexif

    piexif.insert(piexif.dump({"0th": {piexif.ImageIFD.Artist: b"A"}}), str(source), str(target))


def pyexiv2(source: Path, target: Path) -> None:
    import pyexiv2

    shutil.copyfile(source, target)
    with pyexiv2.Image(str(target)) as image:
        image.modify_xmp({"Xmp.xmp.Rating": "4"})


def ultra_hdr(source: Path, target: Path) -> None:
    """Its picture as the base of an Ultra HDR file."""
    import cv2
    import imagecodecs

    light = cv2.imread(str(source))[..., ::-1].astype(np.float32) / 255
    half = np.dstack([light**2.2, np.ones(light.shape[:2], np.float32)]).astype(np.float16)
    target.write_bytes(imagecodecs.ultrahdr_encode(half))


def c2pa(source: Path, target: Path) -> None:
    import credentials

    target.write_bytes(credentials.signed(source.read_bytes()))
    assert credentials.state(target.read_bytes()) == "Valid"


def developed(program: str, *words: str) -> Act:
    def act(source: Path, target: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            if program == "darktable-cli":
                ran(program, str(source), str(target), "--core", "--configdir", folder, "--library", ":memory:")
            else:
                ran(program, "-o", str(target), "-Y", *words, "-c", str(source))

    return act


def actions() -> Iterator[tuple[str, str, str, Act]]:
    """Program, its version, what it is told, how."""
    exiftool, exiv2 = version("exiftool", "-ver"), version("exiv2", "--version")
    turbo, magick = version("jpegtran", "-version"), version("convert", "-version")
    tool = "exiftool", "-q", "-overwrite_original"
    yield "exiftool", exiftool, "set a tag", in_place(*tool, "-Artist=A")
    yield "exiftool", exiftool, "set a tag of XMP", in_place(*tool, "-XMP:Rating=4")
    yield "exiftool", exiftool, "`-xmp:all=`", in_place(*tool, "-xmp:all=")
    yield "exiftool", exiftool, "`-all=`", in_place(*tool, "-all=")
    yield "exiv2", exiv2, "set a tag", in_place("exiv2", "-Mset Exif.Image.Artist A")
    yield "exiv2", exiv2, "`-d a` (delete all)", in_place("exiv2", "-d", "a")
    yield "pyexiv2", _package("pyexiv2"), "set a tag of XMP", pyexiv2
    yield "piexif", _package("piexif"), "insert", piexif
    for words in ("-optimize", "-progressive", "-arithmetic", "-rotate 90", "-rotate 180", "-flip horizontal",
                  "-transpose", "-crop 160x160+0+0"):  # fmt: skip
        yield "jpegtran", turbo, f"`-copy all {words}`", piped("jpegtran", "-copy", "all", *words.split())
    yield "jpegtran", turbo, "`-copy none`", piped("jpegtran", "-copy", "none")
    yield "jpegoptim", version("jpegoptim", "--version"), "default", in_place("jpegoptim", "-q")
    yield "jpegoptim", version("jpegoptim", "--version"), "`--strip-all`", in_place("jpegoptim", "-q", "--strip-all")
    yield "mozjpeg (lossless)", _package("mozjpeg-lossless-optimization"), "default: no markers", mozjpeg("NONE")
    yield "mozjpeg (lossless)", _package("mozjpeg-lossless-optimization"), "all markers", mozjpeg("ALL")
    yield "jpeglib", _package("jpeglib"), "coefficients read and written", jpeglib
    yield "JPEG XL (libjxl)", _package("imagecodecs"), "transcoded and back", of_bytes(jpeg_xl)
    yield "ImageMagick", magick, "`convert`", between("convert")
    yield "ImageMagick", magick, "`-auto-orient -resize 50%`", between("convert", "-auto-orient", "-resize", "50%")
    yield "ImageMagick", magick, "`-strip`", between("convert", "-strip")
    yield "Pillow", _package("pillow"), "`save`", pillow()
    yield "Pillow", _package("pillow"), "`save`, quality keep, Exif", pillow(quality="keep", exif=True)
    yield "Pillow", _package("pillow"), "`save` with `xmp=`", pillow(xmp=True)
    yield "libvips", _package("pyvips-binary"), "`jpegsave`, keep all", vips
    yield "OpenCV", _package("opencv-python-headless"), "read and written", opencv
    yield "djpeg, cjpeg", turbo, "decoded and coded", of_bytes(lambda d: ran("cjpeg", data=ran("djpeg", data=d)))
    yield "darktable-cli", version("darktable-cli", "--version"), "export", developed("darktable-cli")
    yield "rawtherapee-cli", version("rawtherapee-cli", "-v"), "export", developed("rawtherapee-cli", "-j95")
    yield "libultrahdr", _package("imagecodecs"), "its picture as an Ultra HDR file", ultra_hdr
    yield "c2pa-python", _package("c2pa-python"), "signed with Content Credentials", c2pa
    yield "zip", sys.version.split()[0], "packed and unpacked", of_bytes(zipped)


def _package(name: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def became(data: bytes, sample: carriers.Sample) -> tuple[str, str]:
    """What became of the RAW, and what is said of it."""
    if data == sample.jpeg:
        return "survives, byte for byte", ""
    try:
        decoded = api.decode(data, preview="none")
    except RawinlayError as error:
        known = "has removed" in str(error)
        lost = {4: "**lost**" + (", known" if known else ""), 5: "**void**"}.get(error.exit_code, "**damaged**")
        return lost, f"exit {error.exit_code}: {error}"
    if not np.array_equal(decoded.raw.mosaic, sample.mosaic):
        return "**WRONG**", ""
    return "survives", "; ".join(decoded.warnings)


def rows(only: str = "") -> Iterator[Row]:
    sample = carriers.sample()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.jpg", Path(folder) / "out.jpg"
        for program, number, action, act in actions():
            if only and only.lower() not in f"{program} {action}".lower():
                continue
            source.write_bytes(sample.jpeg)
            target.unlink(missing_ok=True)
            name = f"{program} {number}".strip()
            try:
                act(source, target)
                yield Row(name, action, *became(target.read_bytes(), sample))
            except (NotHereError, ImportError):
                yield Row(name, action, "not installed")
            except Exception as error:
                yield Row(name, action, "it fails", " ".join(str(error).split())[-150:])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    lines = ["| program | action | the RAW | `decode` says |", "|---|---|---|---|"]
    programs = set()
    for row in rows(args.only):
        print(row.markdown(), flush=True)
        lines.append(row.markdown())
        if row.result not in ("not installed", "it fails"):
            programs.add(row.program)
    if args.write:
        text = DOCUMENT.read_text(encoding="utf-8")
        begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
        DOCUMENT.write_text(text[:begin] + "\n".join(lines) + "\n" + text[end:], encoding="utf-8")
    print(f"{len(lines) - 2} actions of {len(programs)} programs")


if __name__ == "__main__":
    main()
