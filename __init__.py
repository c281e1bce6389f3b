"""One ordinary JPEG that carries its camera RAW.

    from pathlib import Path
    from rawinlay import decode, encode

    encoded = encode("IMG_1.NEF", "IMG_1.JPG", bpp=0.4)
    Path("IMG_1-raw.jpg").write_bytes(encoded.jpeg)
    Path("IMG_1.dng").write_bytes(decode(encoded.jpeg).dng())

What stands here is `rawinlay.codec.api` and `rawinlay.codec.develop`; it is loaded when it is first asked for, so that
`import rawinlay` costs nothing. The folders beside this file are its packages, `rawinlay.codec` and so on
(pyproject.toml).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .codec.api import (
        Decoded,
        DecodeOptions,
        Encoded,
        EncodeOptions,
        Info,
        Rate,
        Trimmed,
        Verified,
        decode,
        decode_arrays,
        encode,
        encode_arrays,
        info,
        strip,
        trim,
        verify,
    )
    from .codec.develop import Developed, develop
    from .codec.imread import imread

__all__ = [
    "DecodeOptions", "Decoded", "Developed", "EncodeOptions", "Encoded", "Info", "Rate", "Trimmed", "Verified",
    "decode", "decode_arrays", "develop", "encode", "encode_arrays", "imread", "info",
    "strip", "trim", "verify",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in ("Developed", "develop"):
        from .codec import develop

        return getattr(develop, name)
    if name == "imread":
        from .codec.imread import imread

        return imread
    if name in __all__:
        from .codec import api

        return getattr(api, name)
    if name == "__version__":
        from .codec.cli.distribution import version

        return version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])
