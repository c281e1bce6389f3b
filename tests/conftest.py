"""Processes of the tests take their share of the processor: workers of pytest-xdist run side by side.

Threads of OpenMP and of BLAS wait for one another by spinning. Two workers with two threads each on two busy cores
spent 17 s on what takes half a second of one thread. Tests of threads set their number themselves.
"""

import os

WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
SHARE = max(1, (os.cpu_count() or 1) // WORKERS)

# Before anything imports NumPy or torch, which read them once; processes that tests start inherit them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, str(SHARE))
