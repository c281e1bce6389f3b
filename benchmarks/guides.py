"""Guides: JPEGs of a RAW by real programs with their own defaults, rendered once into a cache folder.

=============================  =========================================================================
`--guide`                      picture
=============================  =========================================================================
libraw[:quality[:sampling]]    LibRaw's rendering, camera white balance; 95 and 420 unless told
darktable[:quality]            darktable-cli without any setting of a user; 95 unless told, which is its own
rawtherapee[:quality[:samp.]]  rawtherapee-cli with its default profile; 92 and 422 unless told, which are its own
rtnr[:quality[:sampling]]      RawTherapee's profile "Auto-Matched Curve - ISO High", which reduces noise; 90
                               and 420 unless told
preview                        the camera's own full-size JPEG within the RAW
simulator                      a simulated shot's own JPEG, by the simulated camera
=============================  =========================================================================

sampling: 444, 422 or 420. Cache: DIR/<name>/<stem>.jpg with a .json beside it that says which program made it, how,
and of which RAW; a JPEG without one is taken as it is. What is absent or fails raises `Unavailable` with the reason.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import rawpy

from ..bitstream.errors import InputError, UsageError
from ..bitstream.jpeg.file import Jpeg
from ..codec.simulator.dataset import load_shot
from ..codec.source.raw import embedded_preview, read_raw, render_jpeg
from .inputs import Input
from .processes import Failed, Processes

SAMPLINGS = ("444", "422", "420")
DEFAULTS = {
    "libraw": (95, "420"), "darktable": (95, ""), "rawtherapee": (92, "422"), "rtnr": (90, "420"),
    "preview": (0, ""), "simulator": (0, ""),
}  # fmt: skip
FINISHED = ("preview", "simulator")
"""Pictures that are there already: nothing about them can be chosen."""
NOISE_REDUCTION = "Auto-Matched Curve - ISO High.pp3"
TIMEOUT = 1800  # seconds; RawTherapee's noise reduction on one old core


class Unavailable(Exception):
    """The guide cannot be made here; the message is the reason."""


@dataclass(frozen=True)
class Guide:
    """Which program, JPEG quality 1..100 (0 of `FINISHED`) and chroma sampling ("" is the program's own)."""

    program: str
    quality: int
    sampling: str

    @property
    def name(self) -> str:
        """Short and fit for a folder: "libraw", "libraw-85", "libraw-95-444"."""
        quality, sampling = DEFAULTS[self.program]
        parts = [self.program]
        if (self.quality, self.sampling) != (quality, sampling):
            parts.append(str(self.quality))
        if self.sampling != sampling:
            parts.append(self.sampling)
        return "-".join(parts)


def parse(text: str) -> Guide:
    """`--guide`'s value as in the table above; UsageError where it is none."""
    program, *rest = text.split(":")
    if program not in DEFAULTS or len(rest) > 2:
        raise UsageError(f"guide {text!r} is none of {', '.join(DEFAULTS)}, each with [:quality[:sampling]]")
    quality, sampling = DEFAULTS[program]
    if rest and program in FINISHED:
        raise UsageError(f"guide {text!r}: it is there already, with a quality of its own")
    if rest:
        if not rest[0].isdecimal() or not 1 <= int(rest[0]) <= 100:
            raise UsageError(f"guide {text!r}: quality {rest[0]!r} is not in 1..100")
        quality = int(rest[0])
    if len(rest) == 2:
        if rest[1] not in SAMPLINGS:
            raise UsageError(f"guide {text!r}: sampling {rest[1]!r} is none of {', '.join(SAMPLINGS)}")
        if program == "darktable":
            raise UsageError(f"guide {text!r}: darktable chooses the sampling itself")
        sampling = rest[1]
    return Guide(program, quality, sampling)


def default_cache() -> Path:
    """Where guides are kept unless `--cache` says otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rawinlay" / "guides"


@dataclass(frozen=True)
class Place:
    """Where a picture is made. picture: the JPEG to be written. work: a folder for the program. processes: run it."""

    picture: Path
    work: Path
    processes: Processes


def render(guide: Guide, source: Input, cache: Path, processes: Processes | None = None) -> tuple[Path, str]:
    """The JPEG of a RAW and the program that made it with its version; rendered now if the cache has none.

    processes: run programs, and end them if the benchmark is stopped.
    """
    target = cache / guide.name / f"{source.raw.stem}.jpg"
    note = target.with_suffix(".json")
    if target.exists():
        said = json.loads(note.read_text()) if note.exists() else {"program": f"{guide.program}, found in the cache"}
        if "digest" not in said or said["digest"] == _digest(source.raw):
            return target, said["program"]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        picture = Path(work) / "guide.jpg"
        place = Place(picture, Path(work), processes or Processes())
        program, command = _RENDERERS[guide.program](guide, source, place)
        if not picture.exists():
            raise Unavailable(f"{program} wrote no JPEG of {source.name}")
        about = {"program": program, "command": command, "source": source.name, "digest": _digest(source.raw)}
        note.write_text(json.dumps(about, indent=1) + "\n")
        picture.replace(target)
    return target, program


def _digest(raw: Path) -> str:
    """Of the RAW that a picture was made of: another one may have the same name."""
    try:
        return hashlib.sha256(raw.read_bytes()).hexdigest()[:32] if raw.exists() else ""
    except OSError as error:
        raise Unavailable(f"{raw.name} can't be read: {error.strerror}") from error


def _libraw(guide: Guide, source: Input, place: Place) -> tuple[str, str]:
    sampling = ":".join(guide.sampling)
    try:
        place.picture.write_bytes(render_jpeg(source.raw, guide.quality, sampling))
    except InputError as error:
        raise Unavailable(str(error)) from error
    version = ".".join(map(str, rawpy.libraw_version))
    return f"LibRaw {version}", f"camera white balance, Pillow q{guide.quality} {sampling}"


def _darktable(guide: Guide, source: Input, place: Place) -> tuple[str, str]:
    version = _version("darktable-cli")
    command = ["darktable-cli", str(source.raw.resolve()), str(place.picture), "--core"]
    command += ["--configdir", str(place.work / "config"), "--cachedir", str(place.work / "cache")]
    command += ["--library", ":memory:", "--disable-opencl"]
    command += ["--conf", f"plugins/imageio/format/jpeg/quality={guide.quality}"]
    return version, _call(command, place)


def _rawtherapee(guide: Guide, source: Input, place: Place) -> tuple[str, str]:
    version = _version("rawtherapee-cli")
    profile = ["-p", str(_profile())] if guide.program == "rtnr" else ["-d"]
    jpeg = [f"-j{guide.quality}", f"-js{3 - SAMPLINGS.index(guide.sampling)}"]
    command = ["rawtherapee-cli", "-q", "-o", str(place.picture), *profile, *jpeg, "-Y", "-c"]
    return version, _call([*command, str(source.raw.resolve())], place)


def _preview(guide: Guide, source: Input, place: Place) -> tuple[str, str]:
    try:
        jpeg, camera = embedded_preview(source.raw), read_raw(source.raw).camera
    except InputError as error:
        raise Unavailable(str(error)) from error
    if jpeg is None:
        raise Unavailable(f"{source.name} holds no full-size JPEG of the camera")
    place.picture.write_bytes(Jpeg(jpeg).bare.data)
    return f"{camera}, in the camera", "embedded preview, as it is"


def _simulator(guide: Guide, source: Input, place: Place) -> tuple[str, str]:
    if source.shot is None:
        raise Unavailable(f"{source.name} is no simulated shot")
    place.picture.write_bytes(load_shot(source.shot).jpeg)
    return "codec.simulator", "the simulated camera's own JPEG"


_RENDERERS = {
    "libraw": _libraw, "darktable": _darktable, "rawtherapee": _rawtherapee, "rtnr": _rawtherapee,
    "preview": _preview, "simulator": _simulator,
}  # fmt: skip


def _profile() -> Path:
    """RawTherapee's noise-reduction profile, in the data folder beside the program."""
    program = shutil.which("rawtherapee-cli")
    if program:
        path = Path(program).resolve().parent.parent / "share" / "rawtherapee" / "profiles" / NOISE_REDUCTION
        if path.exists():
            return path
    raise Unavailable(f"RawTherapee's profile {NOISE_REDUCTION!r} is not installed")


def _version(program: str) -> str:
    """The program's name and version; Unavailable where it is not installed."""
    if shutil.which(program) is None:
        raise Unavailable(f"{program} is not installed")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, errors="replace", timeout=60)
    found = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    return f"{program} {found.group() if found else 'of unknown version'}"


def _call(command: list[str], place: Place) -> str:
    """Run the program as a user without settings; its command line without this machine's paths."""
    work = place.work
    settings = {"HOME": work, "XDG_CONFIG_HOME": work / "config", "XDG_CACHE_HOME": work / "cache"}
    settings |= {"RT_SETTINGS": work / "config" / "rt", "RT_CACHE": work / "cache" / "rt"}
    environment = dict(os.environ) | {name: str(path) for name, path in settings.items()}
    try:
        place.processes.run(command[0], command, environment, TIMEOUT)
    except Failed as error:
        raise Unavailable(str(error)) from error
    return " ".join(Path(word).name if word.startswith("/") else word for word in command)
