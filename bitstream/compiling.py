"""Who wants to know that inner loops are being compiled (`bitstream.jit`), which only happens in a first run."""

from __future__ import annotations

from collections.abc import Callable

WATCHERS: list[Callable[[], None]] = []
"""Called, from any thread, whenever a function is about to be compiled."""
