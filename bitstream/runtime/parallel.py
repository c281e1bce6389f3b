"""Work on tiles in parallel: one thread a core. Compiled kernels run side by side there.

Where torch is used, each thread has it single-threaded: tiles are small and independent, and its own threads would wait
for one another at each of many short operations.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from threadpoolctl import threadpool_limits

from .forks import whole
from .profile import timed

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def single_threaded() -> Iterator[None]:
    """Torch with one thread an operation, as long as this lasts."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_blas_users = 0
_blas_limits: threadpool_limits


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """NumPy's matrix products in the thread that asks for them, as long as this lasts for any of the threads in it.

    Their library's own threads wait for work by spinning: where the cores have other work, everything waits for them.
    The number is the whole process's: set by the first, set back by the last. A fork while OpenBLAS's threads work or
    begin to may stop all of them for ever.
    """
    global _blas_users, _blas_limits
    with whole():
        if not _blas_users:
            _blas_limits = _by_a_short_thread(lambda: threadpool_limits(1, user_api="blas"))
        _blas_users += 1
    try:
        yield
    finally:
        with whole():
            _blas_users -= 1
            if not _blas_users:
                _by_a_short_thread(_blas_limits.restore_original_limits)


def _by_a_short_thread(work: Callable[[], Result]) -> Result:
    """threadpoolctl lets only the thread that limited BLAS last set it again, as long as that lives."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_parallel(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Results in the order of the items. What was not begun is dropped when the caller stops taking them."""
    workers, work = min(cores(), len(items)), timed("network")(work)
    if workers < 2:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
