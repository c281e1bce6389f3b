"""Numbers near 0 as 0 while a net is trained: a processor takes a hundred times as long for them.

A state of the whole thread, in which the decoder's float64 would not be what IEEE 754 says: it ends with the training.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def without_subnormals() -> Iterator[None]:
    """For a `with`, or before a function."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
