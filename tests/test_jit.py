"""Compiling: where nothing can be kept, kernels still run; a process of ours may do without BLAS."""

import subprocess
import sys
from pathlib import Path

import numba

from bitstream import jit

REPOSITORY = Path(__file__).parents[1]


def double(x):
    return 2 * x


def test_a_kernel_that_can_not_be_kept_still_runs(monkeypatch):
    njit = numba.njit

    def nowhere(*args, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*args, **options)

    monkeypatch.setattr(numba, "njit", nowhere)
    assert jit.compiled(double)(4) == 8


def test_without_blas_scipy_is_neither_imported_nor_lost():
    program = (
        "import sys\nfrom bitstream.jit import compiled, without_blas\nwithout_blas()\n"
        "import numba.np.arraymath as found\nassert not found._HAVE_BLAS and 'scipy.linalg' not in sys.modules\n"
        "import scipy.linalg\nassert scipy.linalg.norm([3, 4]) == 5\n"
        "without_blas()\nassert 'scipy.linalg' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=REPOSITORY)
