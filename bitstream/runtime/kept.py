"""Things kept within a bound: the ones that were not asked for longest go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Kept(Generic[Thing]):
    """At most `most` of whatever `size` counts, but always the last thing; usable from any thread."""

    def __init__(self, most: int, size: Callable[[Thing], int]) -> None:
        self.most, self.size = most, size
        self._things: OrderedDict[Hashable, Thing] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """The thing of a key, made by the first who asks; others for the same one wait. Errors of `make` are not
        kept."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._things:
                    return self._things[key]
            try:
                thing = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            with self._lock:
                self._things[key] = thing
            self.trim()
            return thing

    def trim(self) -> None:
        """Let go of what is too much: things may have grown since they were made."""
        with self._lock:
            total = sum(map(self.size, self._things.values()))
            while total > self.most and len(self._things) > 1:
                total -= self.size(self._things.popitem(last=False)[1])

    def drop(self, wanted: Callable[[Hashable], bool]) -> None:
        """Let go of the things whose keys are `wanted`."""
        with self._lock:
            for key in [key for key in self._things if wanted(key)]:
                del self._things[key]

    def __len__(self) -> int:
        return len(self._things)
