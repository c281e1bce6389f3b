"""`verify`: whether a JPEG still gives back what was put into it, told as a list of checks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from ..bitstream.errors import ChangedError, InputError, NoRawError, RawinlayError, StreamError
from ..bitstream.jpeg.carried import AnotherPictureError, check_binding
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.further import damages
from ..bitstream.runtime.files import Source, bytes_of
from ..bitstream.stream import container
from ..bitstream.stream.container import Container
from ..bitstream.stream.digests import FileDigests, check_mosaic
from ..bitstream.stream.header import Header
from ..bitstream.stream.limits import check_pixels
from .sidecar import parts
from .turned import turned_back

OK, FAILED, SKIPPED = "ok", "failed", "skipped"
CHECKS = ("stream", "copies", "picture", "jpeg", "mosaic")


@dataclass(frozen=True)
class Check:
    """One of `CHECKS`. state: "ok", "failed", or "skipped" where the file does not say what would be compared, or what
    comes before has failed; said: what is wrong, or why it was skipped."""

    name: str
    state: str
    said: str = ""


@dataclass(frozen=True)
class Verified:
    """What became of a file's checks.

    stream: structure and every CRC; copies: the copy of its head, and parity; picture: the JPEG's samples are those
    that the RAW is bound to; jpeg: `strip` gives the JPEG back byte for byte; mosaic: it decodes to what was encoded
    (asked for by `deep`). exit_code: 0, or that of the error that `decode` would raise; 6 where the RAW is sound, and
    only the JPEG around it is not what it was.
    """

    checks: tuple[Check, ...]
    exit_code: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.exit_code and not any(check.state == FAILED for check in self.checks)


def verify(
    jpeg: Source, *, sidecar: Source | None = None, deep: bool = False, max_pixels: int | None = None
) -> Verified:
    """Check a JPEG that carries a RAW, or one and its sidecar; nothing is raised for what is wrong with them.

    deep: decode the mosaic too, and compare its digest. max_pixels: the check of the picture fails for one of more.
    """
    try:
        file = Jpeg(bytes_of(jpeg, "JPEG"))
        payload, contents = parts(file, sidecar)
        sections = Container.from_bytes(payload, verify=False).sections
        header = Header.from_bytes(sections["HEAD"])
    except RawinlayError as error:
        return Verified((Check("stream", FAILED, str(error)),), error.exit_code)
    files = FileDigests.from_bytes(sections["DIGS"])
    bare = file if sidecar is not None else file.bare
    found = [
        _found("stream", container.check(payload)),
        _found("copies", damages(contents)),
        _tried("picture", lambda: _check_picture(file, header, max_pixels)),
        _jpeg(bare, files),
    ]
    if deep:
        sound = all(check.state != FAILED for check in (found[0], found[2]))
        found.append(_tried("mosaic", lambda: _decode(file, sidecar, max_pixels)) if sound
                     else Check("mosaic", SKIPPED, "the RAW can't be decoded"))  # fmt: skip
        if found[-1].state == OK and not sections["DIGM"]:
            found[-1] = Check("mosaic", OK, "it decodes; the file is of a version that kept no digest to compare")
    failed = {check.name for check in found if check.state == FAILED}
    code = ChangedError.exit_code if failed == {"jpeg"} else StreamError.exit_code
    return Verified(tuple(found), code if failed else 0)


def _check_picture(file: Jpeg, header: Header, max_pixels: int | None) -> str:
    check_pixels(header.width, header.height, max_pixels, "the mosaic")
    try:
        check_binding(file, header.binding, max_pixels)
        return ""
    except AnotherPictureError:
        back = turned_back(file, header.binding)
        if back is None:
            raise
        return f"it was {back[1]}, without loss"


def _decode(file: Jpeg, sidecar: Source | None, max_pixels: int | None) -> str:
    from .carrier import open_carrier  # all that decodes takes long to import

    found = open_carrier(file, sidecar, max_pixels=max_pixels)
    check_mosaic(found.stream.decode(found.planes), found.stream.digest)
    return ""


def _jpeg(bare: Jpeg, files: FileDigests | None) -> Check:
    if files is None:
        return Check("jpeg", SKIPPED, "the file is of a version that kept no digest of the JPEG")
    if hashlib.sha256(bare.data).digest() == files.jpeg:
        return Check("jpeg", OK)
    return Check("jpeg", FAILED, "without its RAW it is not the JPEG that was encoded into: a program has changed it")


def _found(name: str, damage: list[str]) -> Check:
    return Check(name, FAILED, "; ".join(damage)) if damage else Check(name, OK)


def _tried(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, OK, check())
    except (InputError, NoRawError, StreamError) as error:
        return Check(name, FAILED, str(error))
