"""Compiling inner loops when they are first called: numba with the few options that all of them share.

Compiled code is kept in the user's cache folder (`bitstream.runtime.kernel_files`), so that only a first run waits for
it, about a minute; `bitstream.runtime.compiling` tells who wants to know. The folder's name tells the compiler, a
kernel's name the sources that it was made of: numba itself does not notice when a function changes that a kernel of
another file calls. A new version compiles only what changed. What is kept and no good, for whatever reason, is compiled
anew in the same run; what can't be kept is compiled by every process for itself.

Threads may run compiled code at the same time (`nogil`). No option that lets floats be reordered or contracted is ever
set: what a kernel computes in float64 is what IEEE 754 says, operation by operation.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import pickle
import sys
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import config, event, serialize
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult

from . import compiling
from .kernel_files import KernelFolder, Unusable, reason
from .kernel_sources import made_of

SETTINGS: Any = config  # numba fills it when it is imported


def by_numba(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of numbers and arrays at its first call. Division by zero gives what IEEE 754 says."""
    kernel: Any = numba.njit(nogil=True, error_model="numpy", fastmath=False)(function)
    if isinstance(getattr(kernel, "_cache", None), NullCache):  # not with NUMBA_DISABLE_JIT
        kernel._cache = _KernelCache(function)
    return kernel


def part_by_numba(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is copied into each that calls it."""
    part: Callable[..., Any] = numba.njit(nogil=True, error_model="numpy", fastmath=False, inline="always")(function)
    return part


def cache_folder() -> str:
    """Where compiled code is kept; "" where there is no folder for it."""
    folder = _folder()
    return str(folder.path) if isinstance(folder, KernelFolder) else ""


@functools.cache
def _folder() -> KernelFolder | str:
    """Where compiled code is kept, or why nowhere."""
    try:
        return KernelFolder(hashlib.sha256(repr(_surroundings()).encode()).hexdigest()[:16])
    except Unusable as error:
        return str(error)


@functools.cache
def _surroundings() -> tuple[Any, ...]:
    """What compiled code depends on besides its source and the processor."""
    llvmlite = importlib.metadata.version("llvmlite")
    return sys.implementation.cache_tag, numba.__version__, llvmlite, np.__version__, SETTINGS.BOUNDSCHECK, SETTINGS.OPT


class _KernelCache(NullCache):
    """What numba asks, before and after it compiles a function, for the compiled code. Nothing in it raises."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function of the arguments' types `sig`, None if it must be compiled."""
        target_context.refresh()
        folder = _folder()
        if isinstance(folder, str):
            return None
        name = ""
        try:
            name = self._name(sig, target_context.codegen())
            data = folder.read(name)
            return None if data is None else CompileResult._rebuild(target_context, *pickle.loads(data))
        except Exception as error:
            line = f"the compiled code in {folder.file(name)} is no good ({reason(error)}): compiling it anew"
            compiling.trouble("damage", line)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, if that can be."""
        folder = _folder()
        try:
            if isinstance(folder, str):
                raise Unusable(folder)
            if any(not part.can_cache for part in data.lifted) or data.library.has_dynamic_globals:
                return
            folder.write(self._name(sig, data.codegen), serialize.dumps(data._reduce()))
            if folder.set_back:
                compiling.trouble("folder", f"compiled code is kept in {folder.path}, not in {folder.set_back}")
        except Exception as error:
            where = f"{folder.path}: " if isinstance(folder, KernelFolder) else ""
            compiling.trouble("folder", f"compiled code can't be kept, each run compiles ({where}{reason(error)})")

    def _name(self, sig: Any, codegen: Any) -> str:
        """Names the function, the types of its arguments, the processor and what else the code depends on."""
        code, cells = self._function.__code__, self._function.__closure__ or ()
        title = f"{self._function.__module__}.{self._function.__qualname__}"
        digest = hashlib.sha256(made_of(code.co_filename) + code.co_code)
        digest.update(serialize.dumps(tuple(cell.cell_contents for cell in cells)))
        about = (title, code.co_firstlineno, repr(sig), codegen.magic_tuple(), _surroundings())
        digest.update(repr(about).encode())
        return f"{''.join(c for c in title if c.isalnum() or c in '._')[-80:]}-{digest.hexdigest()[:32]}"


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
    """Tells the watchers that something is compiled that was not kept, and counts how long. Under numba's own lock."""

    def __init__(self) -> None:
        self._starts: list[float] = []  # of functions that are compiled for others, too

    def on_start(self, event: event.Event) -> None:
        self._starts.append(time.monotonic())
        for watcher in list(compiling.WATCHERS):
            watcher()

    def on_end(self, event: event.Event) -> None:
        start = self._starts.pop()
        if not self._starts:
            compiling.add(time.monotonic() - start)


event.register("numba:compile", _Compiling())
