"""What LibRaw says of a camera file, asked in a process of its own.

LibRaw reports some damage by its C code's prints on stderr alone, a hostile file may crash it, and its threads (OpenMP)
don't survive a fork. In a child of its own its prints are about one file and swallow nobody's lines, a crash is that
file's, time and memory are bounded, and any thread or forked process may ask. The child is started by
fork and exec; nothing here holds a lock or touches this process's descriptors.

Where Python is embedded or frozen there is no interpreter to start: then LibRaw runs in this process, within no bounds,
and what it prints goes to this process's stderr and is not seen: damage that it reports there alone passes. What
`codec.source.extents` checks before and `codec.source.plausible` after holds there too.
"""

from __future__ import annotations

import enum
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ...bitstream.errors import InputError
from ...bitstream.raw_image import Border
from ...bitstream.runtime.profile import spent_elsewhere
from . import libraw_child

MEMORY = 12 << 30  # bytes of address space: rendering 150 MP takes about 6 GB, threads' stacks and arenas come on top
SECONDS = 300.0  # rendering 100 MP takes 20 on one busy core
DAMAGE = re.compile(rb"corrupted|unexpected end", re.IGNORECASE)  # LibRaw's two prints on damaged pixels


@dataclass(frozen=True)
class Sizes:
    """The visible area in the stored frame, pixels, whose sides are raw_height and raw_width; flip: LibRaw's bits
    mirror 1, upend 2, transpose 4. crop: what the camera says that the picture is, in the stored frame; 0: nothing."""

    height: int
    width: int
    top: int
    left: int
    flip: int
    pixel_aspect: float
    raw_height: int = 0
    raw_width: int = 0
    crop_top: int = 0
    crop_left: int = 0
    crop_height: int = 0
    crop_width: int = 0


@dataclass(frozen=True)
class About:
    """What LibRaw knows once the pixels are unpacked.

    flat: one value a pixel. colours: names of the filter's colours, by index. pattern: shape of the filter's cell, None
    for a kind that rawpy doesn't know. sites: colour index of up to 16x16 sites from the visible corner. black: DN by
    colour index; white: DN. matrix: XYZ to camera, 3x3, zeros for an unknown model. Gains: R, G, B. shutter: seconds;
    aperture: f-number; focal_length: mm; 0 where unknown. taken: Exif's form; year: of it, or 0.
    lens, lens_make, artist: names, or empty.
    """

    flat: bool
    colours: str
    colour_count: int
    pattern: list[int] | None
    sites: list[list[int]]
    black: list[float]
    white: int
    matrix: list[list[float]]
    camera_gains: list[float]
    daylight_gains: list[float]
    shutter: float
    aperture: float
    focal_length: float
    iso: float
    taken: str | None
    year: int
    lens: str = ""
    lens_make: str = ""
    artist: str = ""


@dataclass(frozen=True)
class Answer:
    """mosaic: uint16 (H, W), the visible area; whole: with its margins; frames: how many mosaics the file has.
    thumbnail: an embedded JPEG; bitmap: an embedded picture that is no JPEG, uint8 (H, W, 3); rendering: uint8 (H, W,
    3). None: not there or not asked for; about: asked for neither mosaic nor rendering."""

    sizes: Sizes
    about: About | None
    mosaic: np.ndarray | None = None
    thumbnail: bytes | None = None
    rendering: np.ndarray | None = None
    bitmap: np.ndarray | None = None
    whole: np.ndarray | None = None
    frames: int = 1

    @property
    def border(self) -> Border | None:
        """What is around the visible mosaic, where the whole was asked for."""
        whole, sizes = self.whole, self.sizes
        if whole is None or self.mosaic is None or whole.dtype != np.uint16 or whole.ndim != 2:
            return None
        return Border.around(whole, sizes.top, sizes.left, self.mosaic.shape)


def ask(
    data: bytes, *, mosaic: bool = False, thumbnail: bool = False, rendering: Mapping[str, Any] | None = None,
    frame: int = 0, margins: bool = False,
) -> Answer:  # fmt: skip
    """LibRaw's answer on a camera file's bytes; rendering: options of rawpy's `postprocess`.

    frame: which of several mosaics, from 0; margins: the whole mosaic too.

    Raises InputError, without the file's name, for what LibRaw can't read, crashes on or calls damaged, and where no
    process can be started.
    """
    options = None if rendering is None else {name: _plain(value) for name, value in rendering.items()}
    request = {"mosaic": mosaic, "thumbnail": thumbnail, "rendering": options, "frame": frame, "margins": margins}
    interpreter = _interpreter()
    if interpreter is None:
        found, blocks = libraw_child.answer(data, request)
        return _answer(found, [np.frombuffer(block, np.uint8) for block in blocks])
    try:
        with _scratch() as given, _scratch() as said:
            _write(given, data)
            chatter, code = _run(interpreter, request, given, said)
            found, raw_blocks = _read(said, code)
    except OSError as error:
        raise InputError(f"can't run LibRaw in a process of its own ({error.strerror or error})") from None
    spent_elsewhere("reading", found["seconds"])
    if DAMAGE.search(chatter):
        raise InputError("the file is damaged or cut short: LibRaw misses part of the pixels")
    return _answer(found, raw_blocks)


def _interpreter() -> str | None:
    """The Python to start; None in a program that has Python within: started anew, that would be something else."""
    path = sys.executable
    known = path and not getattr(sys, "frozen", False) and re.match(r"(python|pypy)", os.path.basename(path), re.I)
    return path if known and Path(libraw_child.__file__).is_file() else None


def _run(interpreter: str, request: dict[str, Any], given: BinaryIO, said: BinaryIO) -> tuple[bytes, int]:
    """(what was printed on stderr, exit code) of the child."""
    found = (importlib.util.find_spec(name) for name in ("numpy", "rawpy"))
    folders = {str(Path(spec.origin).parents[1]) for spec in found if spec and spec.origin}
    request = {**request, "path": sorted(folders), "memory": MEMORY, "seconds": int(SECONDS)}
    command = [interpreter, "-I", "-S", libraw_child.__file__, json.dumps(request)]
    # NumPy's BLAS is not used: without threads it starts sooner. glibc's arenas, one a thread, are address space.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "4"}
    with subprocess.Popen(command, stdin=given, stdout=said, stderr=subprocess.PIPE, env=environment) as child:
        try:
            chatter = child.communicate(timeout=SECONDS)[1]
        except subprocess.TimeoutExpired:
            child.kill()
            raise InputError(f"LibRaw was not done with the file within {SECONDS:.0f} seconds") from None
        except BaseException:
            child.kill()
            raise
    return chatter, child.returncode


def _read(said: BinaryIO, code: int) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The child's answer; InputError where it is not whole, which is a crash."""
    size = said.seek(0, os.SEEK_END)
    said.seek(0)
    if code or said.read(len(libraw_child.MAGIC)) != libraw_child.MAGIC:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise InputError(f"LibRaw failed on it ({how}): the file is damaged, or there is too little memory for it")
    found = json.loads(said.read(int.from_bytes(said.read(8), "little")))
    blocks = []
    for _, kind, shape in found.get("blocks", []):
        block = np.empty(shape, kind)
        view = block.data.cast("B")
        if size - said.tell() < len(view):
            raise InputError("LibRaw's answer is not whole: is the disk of temporary files full?")
        while len(view):
            view = view[said.readinto(view) :]  # type: ignore[attr-defined]
        blocks.append(block)
    return found, blocks


def _answer(found: dict[str, Any], blocks: list[np.ndarray]) -> Answer:
    if "error" in found:
        if "nonexisting image" in found["error"]:
            raise InputError("there is no such frame: the RAW holds fewer")
        if found["short"]:
            raise InputError(f"the file is damaged or cut short (LibRaw: {found['error']})")
        raise InputError(f"LibRaw can't read it ({found['error']})")
    arrays = {name: block.view(kind).reshape(shape)
              for (name, kind, shape), block in zip(found["blocks"], blocks, strict=True)}  # fmt: skip
    thumbnail = arrays.get("thumbnail")
    return Answer(
        Sizes(**found["sizes"]), About(**found["about"]) if "about" in found else None, arrays.get("mosaic"),
        None if thumbnail is None else thumbnail.tobytes(), arrays.get("rendering"), arrays.get("bitmap"),
        arrays.get("whole"), found.get("frames", 1),
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """An option as JSON has it: members of rawpy's enumerations by name."""
    return value.name if isinstance(value, enum.Enum) else value


def _scratch() -> BinaryIO:
    """A file of no name, in memory where the system has such."""
    if hasattr(os, "memfd_create"):
        try:
            return os.fdopen(os.memfd_create("rawinlay"), "w+b", buffering=0)
        except OSError:
            pass
    return tempfile.TemporaryFile(buffering=0)


def _write(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while len(view):
        view = view[file.write(view) :]
    file.seek(0)
