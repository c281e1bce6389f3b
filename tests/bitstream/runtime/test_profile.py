"""Where time goes: nesting, threads, nothing when off; --profile of the commands."""

import threading
import time

import pytest
from rawinlay.bitstream.runtime.profile import Profile, profiling, timed

SLACK = 0.015
"""Seconds of a coarse clock, or of a machine that is taken away for a moment; less than any of the times here."""


def work(seconds):
    """Keep this thread's processor busy; how long it was, which may be more where the clock is coarse."""
    start = time.thread_time()
    while (spent := time.thread_time() - start) < seconds:
        pass
    return spent


def test_what_is_timed_within_counts_for_itself_alone():
    with profiling() as profile:
        with timed("network"):
            outside = work(0.02)
            with timed("entropy"):
                inside = work(0.04)
            outside += work(0.02)
        with timed("entropy"):
            inside += work(0.01)
        time.sleep(0.05)
    assert outside <= profile.seconds["network"] < outside + SLACK
    assert inside <= profile.seconds["entropy"] < inside + SLACK
    assert profile.wall >= 0.05 + outside + inside and profile.total >= outside + inside


def test_threads_add_up():
    spent = []

    def one():
        with timed("network"):
            spent.append(work(0.02))

    with profiling() as profile, timed("guide"):
        threads = [threading.Thread(target=one) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(spent) <= profile.seconds["network"] < sum(spent) + SLACK
    assert profile.seconds["guide"] < SLACK  # waiting is no work


def test_nothing_is_timed_without_profiling():
    with profiling() as profile:
        pass
    before = dict(profile.seconds)
    with timed("network"):
        work(0.01)
    assert profile.seconds == before


def test_an_error_ends_what_is_timed():
    with profiling() as profile, pytest.raises(ValueError):
        with timed("network"), timed("entropy"):
            work(0.01)
            raise ValueError
    with profiling() as after, timed("guide"):
        work(0.01)
    assert profile.seconds["entropy"] >= 0.01 and after.seconds["guide"] >= 0.01


def test_json_has_every_phase_and_adds_up():
    profile = Profile()
    profile.add("guide", 0.5)
    profile.add("network", 1.0)
    profile.total, profile.wall = 2.0, 1.5
    found = profile.as_json()
    assert {"reading", "guide", "network", "entropy", "writing", "total"} <= set(found)
    assert found["other"] == 0.5 and found["total"] == 2.0
