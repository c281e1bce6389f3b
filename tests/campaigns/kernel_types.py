"""Types that kernels are called with and `bitstream/ahead/signatures.txt` hasn't: found by running tests.

    python -m tests.campaigns.kernel_types --count 1 tests/codec/test_trim.py     # says which
    python -m tests.campaigns.kernel_types --add tests/codec tests/entropy        # and adds them; then build again:
    python -m rawinlay.bitstream.ahead.build

Wants kernels that are built from the sources as they are; what is missed is compiled by numba meanwhile.
"""

import argparse

import pytest
from rawinlay.bitstream.ahead import signatures
from rawinlay.bitstream.runtime import jit


def missed():
    """A set that fills with (kernel, types) of calls that fell to numba for want of them."""
    found = set()

    def note(name, args):
        try:
            found.add((name, signatures.described(args)))
        except ValueError:
            pass

    jit.MISSED.append(note)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="+", help="what pytest is to run, in this process")
    parser.add_argument("--add", action="store_true", help="add them to signatures.txt")
    parser.add_argument("--count", type=int, default=0, help="stop after so many failures")
    args = parser.parse_args()
    if jit.table() is None:
        raise SystemExit("no kernels are built: python -m rawinlay.bitstream.ahead.build")
    found = missed()
    pytest.main(["-q", "-p", "no:cacheprovider", f"--maxfail={args.count}", *args.tests])
    new = found - set(signatures.read())
    print("\n".join(sorted(f"{name} {kinds}" for name, kinds in new)) or "none is missing")
    if args.add and new:
        signatures.write(set(signatures.read()) | new)


if __name__ == "__main__":
    main()
