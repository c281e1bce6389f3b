"""What holds for all tests: one thread for each process's OpenMP and BLAS, and no luck.

Tests run side by side, and their arrays are small.

Such threads wait for one another by spinning. With two workers of pytest-xdist on two cores, or other work beside them,
an encoding of a small scene took 8 s of processor instead of half a second, and so did most of the suite. Tests of
threads set their number themselves.
"""

import os

import hypothesis

# The same examples in every run, and as long as they take: kernels may have to be compiled, and machines are busy.
hypothesis.settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")

# Before anything imports NumPy or torch, which read them once; processes that tests start inherit them.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def pytest_runtest_logreport(report):
    """A failure's name and last line at once: what is stopped before its end shows no summary."""
    if report.failed and not os.environ.get("PYTEST_XDIST_WORKER"):
        print(f"\nFAILED {report.nodeid} ({report.when}): {report.longreprtext.strip().splitlines()[-1]}", flush=True)


def pytest_terminal_summary(terminalreporter):
    """One line of what was skipped and why, above pytest's last one."""
    from skips import told

    line = told(report.longrepr[2] for report in terminalreporter.stats.get("skipped", ()) if report.longrepr)
    if line:
        terminalreporter.write_line(line)
