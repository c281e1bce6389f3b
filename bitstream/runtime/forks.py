"""Forks beside working threads: a child finds no lock that nobody will release, and nothing half made.

The child of `os.fork` has the forking thread alone. What another thread was at stays there as it was, its locks held
for ever. So a fork waits until other threads are through what a child can't do without: numba's compiler at work (or
loading what it made before), modules of ours or of those that we use being imported, and whatever is done `whole`.
That takes milliseconds, and seconds in a first run; after `PATIENCE` seconds the fork goes on, and the child has new
locks.

What happens between such parts is safe: compiled loops change arrays of their own call alone, threads' pools live as
long as one call, and what is kept from call to call is set in one step, without a lock (`cached_property`).
"""

from __future__ import annotations

import _imp
import concurrent.futures.thread
import functools
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, overload

PATIENCE = 30.0  # seconds; a first encoding compiles for a minute in all, kernel by kernel
SOON = 0.05  # seconds
AWAITED = {
    "llvmlite", "numba", "numpy", "PIL", "rawinlay", "rawpy", "rich", "scipy", "threadpoolctl",
}  # fmt: skip
"""Packages of ours and of those that are imported, in part, at their first use. What else threads import may take for
ever."""

T = TypeVar("T")
_whole = threading.RLock()
_importlib: Any = sys.modules["_frozen_importlib"]


@contextmanager
def whole() -> Iterator[None]:
    """One thread at a time, and a fork by another waits until this is done. For short parts."""
    with _whole:
        yield


class cached_property(functools.cached_property[T]):
    """A property that is computed once. As in Python 3.12: without the lock that a class's instances share before."""

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> cached_property[T]: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: object, owner: type[Any] | None = None) -> cached_property[T] | T:
        if instance is None:
            return self
        value = self.func(instance)
        assert self.attrname is not None
        instance.__dict__[self.attrname] = value  # found there from now on, before this is asked again
        return value


class _Locks(threading.local):
    """What a forking thread holds from shortly before until shortly after."""

    def __init__(self) -> None:
        self._held: list[Any] = []
        self._importing = False

    def before(self) -> None:
        """Wait until nobody else is at what has to be whole, and keep others from beginning."""
        end = time.monotonic() + PATIENCE
        while not self._take() and time.monotonic() < end:
            time.sleep(0.001)

    def _take(self) -> bool:
        """All or none, soon: whoever has one may want another."""
        for owner, name in _locks():
            lock = getattr(owner, name)
            if not lock.acquire(timeout=SOON):
                self.release()
                return False
            self._held.append(lock)
        _imp.acquire_lock()
        self._importing = True
        if not _others_import():
            return True
        self.release()
        return False

    def release(self) -> None:
        """Let others go on."""
        if self._importing:
            self._importing = False
            _imp.release_lock()
        while self._held:
            self._held.pop().release()

    def in_child(self) -> None:
        """Leave no lock held; where waiting was in vain, make them anew: whoever had them is not here."""
        if self._importing:
            self.release()
        else:
            for owner, name in _locks():
                setattr(owner, name, threading.RLock())


def _locks() -> list[tuple[Any, str]]:
    """Who has a lock that a fork waits for, and under which name; numba's and LLVM's as far as they are loaded."""
    compiler = getattr(sys.modules.get("numba.core.compiler_lock"), "global_compiler_lock", None)
    llvm = getattr(getattr(sys.modules.get("llvmlite.binding.ffi"), "lib", None), "_lock", None)
    ours = sys.modules.get(f"{__package__}.jit")
    found = [(sys.modules[__name__], "_whole"), (ours, "_making"), (compiler, "_lock"), (llvm, "_lock")]
    return [(owner, name) for owner, name in found if hasattr(getattr(owner, name, None), "acquire")]


def _others_import() -> bool:
    """Whether another thread is importing a module of `AWAITED`, as CPython keeps account of it."""
    me = threading.get_ident()
    for name, found in list(_importlib._module_locks.items()):
        lock = found() if name.partition(".")[0] in AWAITED else None
        if getattr(lock, "owner", None) not in (None, me):
            return True
    return False


_EARLIER = (logging, concurrent.futures.thread)
"""What takes locks of its own before a fork must be imported here: handlers run in reverse order, and whoever imports
may be waiting for such a lock while we wait for the import."""

if hasattr(os, "register_at_fork"):
    _forking = _Locks()
    os.register_at_fork(before=_forking.before, after_in_parent=_forking.release, after_in_child=_forking.in_child)
