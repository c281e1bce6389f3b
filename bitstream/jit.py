"""Compiling inner loops: numba with the few options that all of them share.

Compiled code is kept in the user's cache folder, so that only a first run waits for it, half a minute or so; `WATCHERS`
are told. The folder's name tells the sources it was made of: numba itself does not notice when a function changes that
a kernel of another file calls. Threads may run it at the same time (`nogil`). No option that lets floats be
reordered or contracted is ever set: what a kernel computes in float64 is what IEEE 754 says, operation by operation.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import config, event

from bitstream.compiling import WATCHERS

SETTINGS: Any = config  # numba fills it when it is imported

SOURCES = ("bitstream/jit.py", "bitstream/*_kernels.py", "entropy/*.py", "codec/format/*.py", "codec/kernels/*.py")
"""What kernels are made of: every file that one of theirs takes a function or a constant from."""


@functools.cache
def cache_folder() -> str:
    """Where compiled code is kept; "" for numba's own choice, where there is no folder of the user's."""
    digest = hashlib.sha256()
    root = Path(__file__).parent.parent
    for source in sorted(path for pattern in SOURCES for path in root.glob(pattern)):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    home = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    try:
        folder = (Path(home) if home else Path.home() / ".cache") / "rawinlay" / f"kernels-{digest.hexdigest()[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no home, or a read-only one
        return ""
    return str(folder) if os.access(folder, os.W_OK) else ""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of numbers and arrays at its first call. Division by zero gives what IEEE 754 says."""
    before = SETTINGS.CACHE_DIR
    SETTINGS.CACHE_DIR = before or cache_folder()  # NUMBA_CACHE_DIR counts more; others' functions are not our business
    kernel: Callable[..., Any]
    try:
        kernel = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=False)(function)
    except RuntimeError:  # no folder can be written: every process compiles for itself
        kernel = numba.njit(nogil=True, error_model="numpy", fastmath=False)(function)
    finally:
        SETTINGS.CACHE_DIR = before
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
