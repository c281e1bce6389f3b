"""Inner loops, compiled: ahead, when the package was built, or by numba, when they are first called.

::

    kernel(arguments) --types known to bitstream.ahead's table, sources those it was made of?--> C, at once
                     '--no: no compiler at the build, other types, sources changed since--> numba, which compiles

Both give the same, bit for bit (tests/bitstream/test_ahead.py), so that nobody needs to know which one ran; numba is
imported only where it compiles. RAWINLAY_KERNELS=numba takes numba for all; so do numba's own switches for a hunt,
NUMBA_BOUNDSCHECK and NUMBA_DISABLE_JIT.
"""

from __future__ import annotations

import functools
import os
import threading
import types
from collections.abc import Callable
from typing import Any

from . import kernel_sources

MISSED: list[Callable[[str, tuple[Any, ...]], None]] = []
"""Called with a kernel's name and arguments where there are compiled kernels, but none for these types."""

ALONE: list[bool] = []
"""Not empty in a process that is our own, in which numba may do without scipy's BLAS: a sixth of a second."""

_SWITCHES = "NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT"
_making = threading.RLock()


class Kernel:
    """A function of numbers and arrays that is compiled. function: what it was made of, in Python."""

    def __init__(self, function: Callable[..., Any], part: bool = False) -> None:
        self.function, self.part = function, part
        self.name = f"{_room(function)}:{function.__qualname__}"
        self._ahead: Callable[..., Any] | None = None
        self._late: Callable[..., Any] | None = None
        self._looked = False
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any) -> Any:
        if not self._looked:
            self._ahead, self._looked = _ahead(self), True
        if self._ahead is not None:
            out = self._ahead(*args)
            if out is not NotImplemented:
                return out
        for listener in list(MISSED) if table() is not None else ():
            listener(self.name, args)
        return self.late(*args)

    @property
    def late(self) -> Callable[..., Any]:
        """The function as numba compiles it."""
        if self._late is None:
            with _making:
                if self._late is None:
                    self._late = _for_numba(self)
        return self._late

    def __reduce__(self) -> str:
        return self.function.__qualname__


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function of numbers and arrays. Division by zero gives what IEEE 754 says, of whole numbers zero."""
    return Kernel(function)


def inlined(function: Callable[..., Any]) -> Any:
    """A part of compiled functions, which is copied into each that calls it: for what is called once a row or more.

    By numba a call hands over each array with its shape and counts who holds it; with rows of 64 places that took
    `predict` 4 to 11 % longer, copied in nothing that could be measured.
    """
    return Kernel(function, part=True)


def _room(function: Callable[..., Any]) -> str:
    """The module of a function, without the package's name."""
    return function.__module__.partition(".")[2] or function.__module__


@functools.cache
def table() -> Any:
    """The module of kernels compiled ahead; None where there is none, or another compiler is wanted."""
    if os.environ.get("RAWINLAY_KERNELS") == "numba" or any(os.environ.get(name, "0") != "0" for name in _SWITCHES):
        return None
    try:
        from . import _kernels  # type: ignore[attr-defined]
    except ImportError:
        return None
    return _kernels


@functools.cache
def _fresh(module: str, file: str) -> bool:
    """Whether the table's kernels of a module were made of what its sources are."""
    return table().digest(module) == kernel_sources.made_of(file).hex()


def _ahead(kernel: Kernel) -> Callable[..., Any] | None:
    """A kernel from the table, if it has it."""
    if table() is None or not _fresh(_room(kernel.function), kernel.function.__code__.co_filename):
        return None
    found: Callable[..., Any] | None = table().find(kernel.name)
    return found


def _for_numba(kernel: Kernel) -> Callable[..., Any]:
    """A kernel compiled by numba, as are those that it calls: numba wants them under the names in its module."""
    from . import by_numba

    if ALONE:
        by_numba.without_blas()
    function = kernel.function
    used = set(function.__code__.co_names)
    names = {name: _seen(value) if name in used else value for name, value in function.__globals__.items()}
    copy = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    copy.__qualname__, copy.__module__, copy.__doc__ = function.__qualname__, function.__module__, function.__doc__
    return by_numba.part_by_numba(copy) if kernel.part else by_numba.by_numba(copy)


def _seen(value: Any) -> Any:
    """What numba sees of a module's name: of kernels, and of modules with kernels, what it can compile."""
    if isinstance(value, Kernel):
        return value.late
    if isinstance(value, types.ModuleType) and any(isinstance(one, Kernel) for one in vars(value).values()):
        other = types.ModuleType(value.__name__)
        other.__dict__.update({n: one.late if isinstance(one, Kernel) else one for n, one in vars(value).items()})
        return other
    return value
