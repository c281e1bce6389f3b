"""Compiling inner loops: numba with the few options that all of them share.

Compiled code is kept beside the source (or in the user's cache folder), so that only a first run waits for it, half a
minute or so; `WATCHERS` are told. Threads may run it at the same time (`nogil`). No option that lets floats be
reordered or contracted is ever set: what a kernel computes in float64 is what IEEE 754 says, operation by operation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numba
from numba.core import event

from bitstream.compiling import WATCHERS


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of numbers and arrays at its first call. Division by zero gives what IEEE 754 says."""
    kernel: Callable[..., Any]
    try:
        kernel = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=False)(function)
    except RuntimeError:  # neither folder can be written: every process compiles for itself
        kernel = numba.njit(nogil=True, error_model="numpy", fastmath=False)(function)
    return kernel


def without_blas() -> None:
    """Load numba's array functions without scipy's BLAS behind them, for the rest of the process.

    No kernel here multiplies matrices, and scipy.linalg takes a sixth of a second to import. For processes of our own:
    in another's, a numba without `numpy.dot` would not do.
    """
    name = "scipy.linalg"
    if name in sys.modules or "numba.np.arraymath" in sys.modules:
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        del sys.modules[name]


class _Compiling(event.Listener):
    """Tells the watchers that something is compiled that was not in the cache."""

    def on_start(self, event: event.Event) -> None:
        for watcher in list(WATCHERS):
            watcher()

    def on_end(self, event: event.Event) -> None:
        pass


event.register("numba:compile", _Compiling())
