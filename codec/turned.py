"""A JPEG that a program has turned or mirrored without loss, turned back: the RAW is bound to it as it was.

Such programs move coefficients, so that turning back gives every one of them again; samples would not do, since the
inverse DCT rounds rows otherwise than columns. jpegtran does it, where it is installed.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

from ..bitstream.errors import InputError
from ..bitstream.jpeg.carried import ANOTHER, AnotherPictureError
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.frame import Picture

BACK = {
    "turned by 90 degrees": ("-rotate", "270"),
    "turned by 270 degrees": ("-rotate", "90"),
    "turned by 180 degrees": ("-rotate", "180"),
    "mirrored": ("-flip", "horizontal"),
    "mirrored upside down": ("-flip", "vertical"),
    "transposed": ("-transpose",),
    "transposed about the other diagonal": ("-transverse",),
}
"""What was done, and how jpegtran undoes it."""

PATIENCE = 120.0  # seconds


def turned_back(jpeg: Jpeg, binding: bytes) -> tuple[Jpeg, str] | None:
    """The picture that has this binding among those that `jpeg` may have been made of, and what was done to it; None
    where there is none. AnotherPictureError, which says what is missing, where nothing can be turned here."""
    program = shutil.which("jpegtran")
    if program is None:
        raise AnotherPictureError(
            f"{ANOTHER}; if it was only turned or mirrored, without loss, jpegtran turns it back, which is not "
            "installed here (package libjpeg-turbo-progs)"
        ) from None
    for what, candidate in _candidates(jpeg, program):
        try:
            if candidate.planes.binding_hash() == binding:
                return candidate, what
        except InputError:
            continue
    return None


def _candidates(jpeg: Jpeg, program: str) -> Iterator[tuple[str, Jpeg]]:
    picture = Picture(jpeg.data).stream()  # checked, and nothing in it but what a decoder needs
    for what, words in BACK.items():
        try:
            done = subprocess.run(
                [program, "-copy", "none", *words], input=picture, capture_output=True, timeout=PATIENCE, check=True
            )
        except (OSError, subprocess.SubprocessError):
            continue
        yield what, Jpeg(done.stdout)
