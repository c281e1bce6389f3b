"""Work in several threads and beside forks: what comes out is what comes out alone, and nothing hangs."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from campaigns import forks
from rawinlay import decode, encode_arrays
from rawinlay.bitstream.runtime.parallel import one_blas_thread
from shots import shot
from threadpoolctl import ThreadpoolController

RATES = ({"bpp": 1}, {"quality": 30})


def test_two_at_once_give_the_same_bytes_as_alone():
    shots = [shot(seed, (96, 128)) for seed in (1, 2)]

    def way(taken, rate, barrier=None):
        if barrier:
            barrier.wait()
        encoded = encode_arrays(taken.raw, taken.jpeg, effort=2, **rate).jpeg
        if barrier:
            barrier.wait()
        return encoded, decode(encoded).dng()

    alone = [way(*job) for job in zip(shots, RATES, strict=True)]
    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda job: way(*job, barrier), zip(shots, RATES, strict=True)))
    assert together == alone


def test_blas_is_limited_as_long_as_anyone_wants_it():
    """By whichever thread comes first, until the last has ended, though those are others than began."""
    blas = ThreadpoolController().select(user_api="blas").lib_controllers
    numbers = [library.get_num_threads() for library in blas]
    inside, end = threading.Barrier(2), threading.Barrier(2)

    def first():
        with one_blas_thread():
            inside.wait()
        end.wait()  # its limit is over, it lives on
        end.wait()

    thread = threading.Thread(target=first)
    thread.start()
    with one_blas_thread():
        inside.wait()
        end.wait()
        assert {library.get_num_threads() for library in blas} <= {1}
    assert [library.get_num_threads() for library in blas] == numbers
    end.wait()
    thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are POSIX's")
def test_forks_beside_a_working_thread():
    assert forks.run(4) == (4, 0, 0)
