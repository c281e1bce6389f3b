"""What a caller asks for: options as one object or as keywords, the device, and what is told meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..bitstream.errors import UsageError
from ..bitstream.runtime import forks as forks  # before anything is imported or compiled that a fork has to wait for
from ..bitstream.runtime.progress import Progress
from .decoder.options import DecodeOptions
from .encoder.options import EncodeOptions

Options = TypeVar("Options", EncodeOptions, DecodeOptions)
DEVICES = ("auto", "cpu", "cuda")


def chosen_options(kind: Callable[..., Options], options: Options | None, keywords: Mapping[str, Any]) -> Options:
    """The options, given one way or the other."""
    if options is not None and keywords:
        raise TypeError(f"{', '.join(keywords)}: give options or keywords, not both")
    return options or kind(**keywords)


def choose_device(name: str) -> str:
    """ "cpu" or "cuda" for one of `DEVICES`; UsageError for a device that is unknown or not here, or without PyTorch.

    "auto" is a GPU only where torch is loaded already: to load it for a single picture takes longer than the CPU does
    for the whole decoding.
    """
    if name not in DEVICES:
        raise UsageError(f"device {name!r}: want one of {', '.join(DEVICES)}")
    if name == "cpu" or (name == "auto" and "torch" not in sys.modules):
        return "cpu"
    from ..bitstream.runtime.torch_needed import need_torch

    need_torch(f"device {name!r} is a GPU's")
    import torch

    here = torch.cuda.is_available()
    if name == "cuda" and not here:
        raise UsageError("there is no CUDA device here: use --device cpu")
    return "cuda" if here else "cpu"


def tell(progress: Progress | None, what: str) -> None:
    """That something begins, where somebody wants to know."""
    if progress:
        progress(what, 0.0)
