"""`python -m rawinlay.benchmarks.peers`."""

import time

STARTED = time.perf_counter()  # before anything large is imported: that is part of what a user waits for

if __name__ == "__main__":
    import sys

    from .run import run

    sys.exit(run(started=STARTED))
