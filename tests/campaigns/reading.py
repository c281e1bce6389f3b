"""RAWs read beside a thread that prints what LibRaw prints on damage, and in forks beside a thread that reads.

    python -m tests.campaigns.reading --count 1000 --forks 200

Sound files must never be refused, no line of the other thread be swallowed, no child hang.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

PATIENCE = 60.0  # seconds that a child may take: reading takes it a fifth of one where there is nothing else to do
LINES = ("unknown file: data corrupted at 4711", "unknown file: Unexpected end of file", "some other line")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="reads beside a noisy thread")
    parser.add_argument("--forks", type=int, default=200, help="forks beside a reading thread")
    args = parser.parse_args()
    started = time.monotonic()
    refused, printed, swallowed = beside_noise(args.count)
    hangs, failures = in_forks(args.forks)
    print(f"{args.count} reads: {refused} refused, {swallowed} of {printed} lines swallowed; "
          f"{args.forks} forks: {hangs} hangs, {failures} failures; {time.monotonic() - started:.0f} s")  # fmt: skip
    return int(refused + swallowed + hangs + failures > 0)


def beside_noise(count):
    """Reads refused, lines that a thread printed on descriptor 2 meanwhile, those that did not arrive there."""
    from camera_files import tiled_dng
    from rawinlay.bitstream.errors import InputError
    from rawinlay.codec.source.raw import read_raw

    data, refused, printed, done = tiled_dng(), 0, 0, threading.Event()

    def noise():
        nonlocal printed
        while not done.is_set():
            os.write(2, f"{printed} {LINES[printed % len(LINES)]}\n".encode())
            printed += 1
            time.sleep(0.0005)

    with tempfile.TemporaryFile() as seen:
        stderr = os.dup(2)
        os.dup2(seen.fileno(), 2)
        thread = threading.Thread(target=noise)
        thread.start()
        try:
            for _ in range(count):
                try:
                    read_raw(data)
                except InputError:
                    refused += 1
        finally:
            done.set()
            thread.join()
            os.dup2(stderr, 2)
            os.close(stderr)
        seen.seek(0)
        arrived = {int(line.split()[0]) for line in seen.read().splitlines()}
    return refused, printed, printed - len(arrived)


def in_forks(count):
    """(children that hung, children whose reading went wrong), forked while a thread of this process reads."""
    from camera_files import MOSAIC, tiled_dng
    from rawinlay.codec.source.raw import read_raw

    data, done, hangs, failures = tiled_dng(), threading.Event(), 0, 0

    def work():
        while not done.is_set():
            read_raw(data)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for i in range(count):
            time.sleep(i % 17 / 100)  # somewhere else in the thread's work each time
            child = os.fork()
            if not child:
                try:
                    os._exit(0 if (read_raw(data).mosaic == MOSAIC).all() else 1)
                except BaseException:
                    os._exit(2)
            code = _wait(child)
            hangs += code is None
            failures += code not in (None, 0)
    finally:
        done.set()
        thread.join()
    return hangs, failures


def _wait(child):
    """The child's exit code; None where it had to be killed."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


if __name__ == "__main__":
    sys.exit(main())
