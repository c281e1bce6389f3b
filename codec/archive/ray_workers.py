"""Tasks over a Ray cluster: actors with warm kernels, one task each at a time; what dies, dies alone.

::

    tasks --one by one--> idle actors --> outcomes, as they come
                            '-- node or process gone --> another actor; its task once more, as begun
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from .work import Outcome, Task, prepare
from .workers import KILLED

TRIES = 4
"""Actors that a task may lose before it is taken for the cause."""

PATIENCE = 1.0
"""Seconds after which actors are looked at though nothing was done."""


class RayWorkers:
    """As `workers.Workers`. address: of a cluster, None for one of this machine alone; fixed: whether `jobs` is wanted
    rather than as many as the cluster has room for. memory: shared out among the actors.

    All nodes need this package, and reach the paths or URLs under the same names.
    """

    def __init__(
        self, jobs: int, threads: int, memory: int | None, work: Callable[[Task], Outcome], *,
        address: str | None = None, fixed: bool = True,
    ) -> None:  # fmt: skip
        self.jobs, self.threads, self.memory, self.work = jobs, threads, memory, work
        self.address, self.fixed = address, fixed

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Each task's outcome, as it comes."""
        import ray

        begun = not ray.is_initialized()
        if begun:
            ray.init(address=self.address, log_to_driver=False, logging_level="error", include_dashboard=False)
        waiting = deque((task, 0) for task in tasks)
        jobs = self.jobs if self.fixed else _room(ray, self.threads)
        make = self._maker(ray, max(1, min(jobs, len(waiting))))
        idle, starting = deque[Any](), dict[Any, Any]()
        running: dict[Any, tuple[Any, Task, int]] = {}
        try:
            while waiting or running:
                jobs = self.jobs if self.fixed else max(jobs, _room(ray, self.threads))
                while len(idle) + len(running) + len(starting) < min(jobs, len(waiting) + len(running)):
                    actor = make()
                    starting[actor.ready.remote()] = actor
                while waiting and idle:
                    actor, (task, lost) = idle.popleft(), waiting.popleft()
                    running[actor.done.remote(task)] = (actor, task, lost)
                # One that finds no room, since its node is gone, never starts: no task waits for it.
                finished, _ = ray.wait([*running, *starting], num_returns=1, timeout=PATIENCE)
                for one in finished:
                    if one in starting:
                        actor = starting.pop(one)
                        if _is_there(ray, one):
                            idle.append(actor)
                        continue
                    actor, task, lost = running.pop(one)
                    try:
                        outcome = ray.get(one)
                    except (ray.exceptions.RayActorError, ray.exceptions.ObjectLostError):
                        if lost + 1 < TRIES:
                            waiting.append((replace(task, begun=True, force=True), lost + 1))
                        else:
                            yield Outcome(task, 1, KILLED)
                        continue
                    idle.append(actor)
                    yield replace(outcome, task=task)
        finally:
            for actor in [*idle, *starting.values(), *(actor for actor, _, _ in running.values())]:
                ray.kill(actor)
            if begun:
                ray.shutdown()

    def _maker(self, ray: Any, jobs: int) -> Callable[[], Any]:
        """How an actor is made."""
        work, threads = self.work, self.threads

        class Worker:
            """An actor: a process of its own."""

            def __init__(self) -> None:
                prepare(threads, pinned=False)

            def ready(self) -> None:
                """Whether it has started."""

            def done(self, task: Task) -> Outcome:
                return work(task)

        wants: dict[str, Any] = {"num_cpus": threads, "max_restarts": 0}
        if self.memory is not None:
            wants["memory"] = self.memory // jobs
        return lambda: ray.remote(Worker).options(**wants).remote()


def _room(ray: Any, threads: int) -> int:
    """Actors that the nodes which are alive have room for."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)


def _is_there(ray: Any, ready: Any) -> bool:
    try:
        ray.get(ready)
    except ray.exceptions.RayError:
        return False
    return True
