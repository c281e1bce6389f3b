"""Memory that was let go of, back to the system.

The C library keeps what was freed for the next allocation, in an arena for each thread: after work in many threads on
arrays of some MB that is hundreds of MB on a large picture, while the next thing wanted is one array larger than each.
"""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return freed memory to the system where that can be asked for (glibc); else nothing."""
    if not sys.platform.startswith("linux"):
        return
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another C library
        return
    trim(0)
