"""Files that streams name by identity, kept for ever: the first 8 bytes of a file's SHA-256, in hex its name.

::

    header's identity --in hex--> FOLDER/0123456789abcdef.SUFFIX --hashed again--> bytes

A stream that a release wrote stays readable for as long as the files that it names are there. So a new file is put
beside the others, and none is ever taken away or changed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import StreamError

IDENTITY_BYTES = 8


def identity_of(data: bytes) -> bytes:
    """Identity of a file: the first bytes of its SHA-256."""
    return hashlib.sha256(data).digest()[:IDENTITY_BYTES]


class Registry:
    """Folders of such files. what: they are, for people; folders: may be added to, for files that are not shipped."""

    def __init__(self, what: str, folder: Path, suffix: str) -> None:
        self.what, self.folders, self.suffix = what, [folder], suffix

    def find(self, identity: bytes) -> Path:
        """The file of an identity, which may come from anywhere; `StreamError` where it is not here."""
        name = identity.hex() + self.suffix
        if len(identity) == IDENTITY_BYTES:
            for folder in self.folders:
                if (folder / name).is_file():
                    return folder / name
        raise StreamError(
            f"the stream was made with {self.what} {identity.hex()} that this version does not have: update rawinlay"
        )

    def read(self, identity: bytes) -> bytes:
        """Its bytes; `StreamError` where it is not here, or not what its name says."""
        path = self.find(identity)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StreamError(f"{path}: {error.strerror or error}") from error
        if identity_of(data) != identity:
            raise StreamError(f"{path} is damaged: install rawinlay again")
        return data
