"""Tasks over processes: a bound of memory, a process that dies takes its task's turn and no other's.

::

    tasks --as memory allows--> waiting --> process 1..jobs --> outcomes, as they come
                                                 '-- killed, out of memory --> a new process; its tasks once more, alone
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from .stores import size_of
from .work import Outcome, Task, prepare

AT_REST = 250 << 20
"""Bytes of a process with kernels and libraries loaded, before it has a picture."""

A_BYTE = 40
"""Bytes of memory that a byte of a RAW file wants while it is encoded: 24 MP in a file of 20 to 30 MB take 0.75 GB."""

KILLED = "the process died while it was at it (killed, or out of memory)"


def memory_of(task: Task) -> int:
    """Bytes that encoding a task is taken to want."""
    return AT_REST + A_BYTE * (size_of(task.pair.raw) or 0)


class Workers:
    """jobs: processes at once; threads: of each; memory: bytes that all together may want, None for no bound."""

    def __init__(self, jobs: int, threads: int, memory: int | None, work: Callable[[Task], Outcome]) -> None:
        self.jobs, self.threads, self.memory, self.work = jobs, threads, memory, work
        self._pool: ProcessPoolExecutor | None = None

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Each task's outcome, as it comes."""
        waiting, once_more = deque(tasks), deque[Task]()
        running: dict[Future[Outcome], Task] = {}
        try:
            while waiting or once_more or running:
                self._fill(waiting, once_more, running)
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                died = False
                for future in finished:
                    task = running.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        died = True
                        alone = not running and not once_more and len(finished) == 1
                        if alone:
                            yield Outcome(task, 1, KILLED)
                        else:
                            once_more.append(task)
                if died:
                    for future, task in running.items():
                        future.cancel()
                        once_more.append(task)
                    running.clear()
                    self._close()
        finally:
            for future in running:
                future.cancel()
            self._close(wait=not running)  # else who is at work ends with this process

    def _fill(self, waiting: deque[Task], once_more: deque[Task], running: dict[Future[Outcome], Task]) -> None:
        """Hand out as many tasks as there are processes and memory for; those whose process died, one by one."""
        while once_more and not running:
            task = once_more.popleft()
            running[self._submit(task)] = task
            return
        if once_more:
            return
        wanted = sum(memory_of(task) for task in running.values())
        while waiting and len(running) < self.jobs:
            more = memory_of(waiting[0])
            if self.memory is not None and running and wanted + more > self.memory:
                return
            task = waiting.popleft()
            running[self._submit(task)] = task
            wanted += more

    def _submit(self, task: Task) -> Future[Outcome]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.jobs, multiprocessing.get_context("spawn"), prepare, (self.threads,)
            )
        return self._pool.submit(self.work, task)

    def _close(self, wait: bool = False) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=wait, cancel_futures=True)
            self._pool = None
