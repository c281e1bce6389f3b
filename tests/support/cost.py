"""What a call costs, whatever else the machine does and whether kernels had to be compiled for it."""

import resource
import time
from types import TracebackType

from rawinlay.bitstream.runtime import by_numba as by_numba  # which counts how long it compiles
from rawinlay.bitstream.runtime import compiling


class Cost:
    """`with Cost() as cost: ...`, then `seconds` of processor, without compiling, and `grown` MiB of memory."""

    def __enter__(self) -> "Cost":
        self._compiled, self._memory, self._start = compiling.lasted(), _peak(), time.process_time()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        compiled = compiling.lasted() - self._compiled
        self.seconds = time.process_time() - self._start - compiled
        self.grown = 0 if compiled else (_peak() - self._memory) // 1024  # the compiler takes what it likes


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
