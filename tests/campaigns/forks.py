"""Forks beside a thread that works: each child decodes a small file and must end soon.

    python -m tests.campaigns.forks --count 200

The thread decodes, encodes or compiles, all in a process that goes on; or, in a fresh process for each fork, it decodes
for the first time, importing and loading compiled code. Children begin at random moments.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

PATIENCE = 20.0  # seconds that a child may take
KINDS = {"decode": 0.05, "encode": 0.5, "compile": 0.05, "first": 2.0}
"""What the thread does, and how many seconds the moments of forks are spread over."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="forks in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--carrier", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.kind:
        print(*_beside(args.kind, args.count, args.seed, args.carrier.read_bytes()))
        return 0
    started = time.monotonic()
    forks, hangs, failures = run(args.count, args.seed)
    print(f"{forks} forks: {hangs} hangs, {failures} failures; {time.monotonic() - started:.0f} s")
    return int(hangs + failures > 0)


def run(count, seed=1):
    """Fork, hang, failure: how many there were in all kinds together."""
    with tempfile.TemporaryDirectory() as folder:
        carrier = Path(folder) / "small.jpg"
        carrier.write_bytes(small_carrier())
        shares = {kind: (count + i) // len(KINDS) for i, kind in enumerate(KINDS)}
        jobs = [(kind, n, seed) for kind, n in shares.items() if kind != "first"]
        jobs += [("first", 1, seed + i) for i in range(shares["first"])]
        found = [_fresh(carrier, *job) for job in jobs]
    return tuple(sum(numbers) for numbers in zip(*found, strict=True))


def small_carrier():
    """A JPEG of 128 x 96 pixels that carries a RAW."""
    from rawinlay import encode_arrays
    from shots import shot

    small = shot(shape=(96, 128))
    return encode_arrays(small.raw, small.jpeg, bpp=1, effort=1).jpeg


def _fresh(carrier, kind, count, seed):
    words = ["--kind", kind, "--count", count, "--seed", seed, "--carrier", carrier]
    done = subprocess.run(
        [sys.executable, __file__, *map(str, words)], stdout=subprocess.PIPE, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return tuple(int(word) for word in done.stdout.split())


def _beside(kind, count, seed, carrier):
    """Forks beside a thread that does one thing."""
    from rawinlay import decode  # first of all: what it imports when it is called is for the thread

    moments, ended = random.Random(seed), threading.Event()
    work = {"decode": _decode, "encode": _encode, "compile": _compile, "first": _decode}[kind]
    if kind != "first":
        decode(carrier)
        work(carrier)
    thread = threading.Thread(target=_repeat, args=(work, carrier, ended))
    thread.start()
    hangs = failures = 0
    for _ in range(count):
        time.sleep(moments.uniform(0, KINDS[kind]))
        child = os.fork()
        if not child:
            try:
                decode(carrier)
                os._exit(0)
            except BaseException as error:
                print(f"{kind}: {error!r}", file=sys.stderr, flush=True)
                os._exit(1)
        status = _wait(child)
        hangs += status is None
        failures += bool(status)
    ended.set()
    thread.join()
    return count, hangs, failures


def _repeat(work, carrier, ended):
    while not ended.is_set():
        work(carrier)


def _wait(child):
    """Its status; None if it had to be killed."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _decode(carrier):
    from rawinlay import decode

    decode(carrier)


def _encode(carrier):
    from rawinlay import encode_arrays
    from shots import shot

    small = shot(shape=(96, 128))
    encode_arrays(small.raw, small.jpeg, bpp=1, effort=1)


def _compile(carrier):
    import numba

    @numba.njit  # a new one each time, kept nowhere, behind the locks that all of them share
    def total(n):
        found = 0.0
        for i in range(n):
            found += i**0.5
        return found

    total(3)
    _decode(carrier)


if __name__ == "__main__":
    sys.exit(main())
