"""codec.archive.ray_workers and kills, a few shots each: `python -m tests.campaigns.archives` does many."""

import pytest
from raws import slow

from tests.campaigns import archives


@slow
def test_a_node_that_dies(tmp_path):
    pytest.importorskip("ray", reason="ray makes the cluster")
    assert not archives.on_ray(tmp_path, 9)


@slow
def test_kills(tmp_path):
    assert not archives.kills(tmp_path, 12, 2)


def test_losing_actors_is_survived(tmp_path, monkeypatch):
    """Ray's part played by a stand-in that loses an actor: each task once, the lost one as begun."""
    import sys
    import types

    from rawinlay.codec.archive.pairs import Pair
    from rawinlay.codec.archive.ray_workers import TRIES, RayWorkers
    from rawinlay.codec.archive.work import Outcome, Task
    from rawinlay.codec.archive.workers import KILLED

    class LostError(Exception):
        pass

    seen, deaths = [], {"b": 1, "c": TRIES}

    class Reference:
        def __init__(self, task):
            self.task = task

    class Method:
        def __init__(self, actor):
            self.actor = actor

        def remote(self, task=None):
            return Reference(task)

    class Actor:
        def __init__(self):
            self.done, self.ready = Method(self), Method(self)

    def get(one):
        task = one.task
        if task is None:
            return None
        seen.append((task.pair.raw.name, task.begun))
        if deaths.get(task.pair.raw.name, 0) > 0:
            deaths[task.pair.raw.name] -= 1
            raise LostError
        return Outcome(task, size=1)

    ray = types.SimpleNamespace(
        is_initialized=lambda: True, cluster_resources=lambda: {"CPU": 3.0}, get=get, kill=lambda actor: None,
        wait=lambda refs, **_: (refs[:1], refs[1:]),
        remote=lambda kind: types.SimpleNamespace(options=lambda **_: types.SimpleNamespace(remote=Actor)),
        exceptions=types.SimpleNamespace(RayActorError=LostError, ObjectLostError=LostError, RayError=LostError),
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    tasks = [Task(Pair(tmp_path / name), tmp_path / f"{name}.jpg", {}) for name in "abcd"]
    found = {o.task.pair.raw.name: o for o in RayWorkers(2, 1, None, None, fixed=False).run(tasks)}
    assert sorted(found) == ["a", "b", "c", "d"] and [found[n].code for n in "abcd"] == [0, 0, 1, 0]
    assert found["c"].error == KILLED and ("b", True) in seen and seen.count(("a", False)) == 1
