"""Calls of kernels whose arrays lie between margins: numba looks at no bounds, so a place outside would pass unseen."""

import itertools

import numpy as np

MARGIN = 1024
"""Bytes in front of an array and behind it."""

PATTERNS = (0x5A, 0xC3)


def guarded(kernel, *arguments, into=(), changed=()):
    """What the kernel returns, then its arguments numbered in `into` and `changed` as it leaves them.

    It is called twice, with its arrays between margins of one pattern of bytes and of another. The margins stay as they
    are, nothing but those arguments changes, and both calls agree to the bit: so nothing hangs on what lies outside,
    nor on what the arrays `into` held before, which are filled with the pattern too. Arrays may be in tuples.
    """
    found = []
    for pattern in PATTERNS:
        frames: list[np.ndarray] = []
        own = [_framed(a, pattern, n in into, frames) for n, a in enumerate(arguments)]
        result = kernel(*own)
        for frame in frames:
            assert (frame[:MARGIN] == pattern).all() and (frame[-MARGIN:] == pattern).all(), "written outside"
        for n, (before, after) in enumerate(zip(arguments, own, strict=True)):
            if n not in into and n not in changed:
                assert _bytes(before) == _bytes(after), f"argument {n} has changed"
        found.append((result, *(own[n] for n in itertools.chain(into, changed))))
    assert [_bytes(v) for v in found[0]] == [_bytes(v) for v in found[1]], "something outside counts"
    return found[0]


def _framed(value, pattern, empty, frames):
    if isinstance(value, tuple):
        return tuple(_framed(v, pattern, empty, frames) for v in value)
    if not isinstance(value, np.ndarray):
        return value
    frame = np.full(value.nbytes + 2 * MARGIN, pattern, np.uint8)
    frames.append(frame)
    out = frame[MARGIN : MARGIN + value.nbytes].view(value.dtype).reshape(value.shape)
    if not empty:
        out[...] = value
    return out


def _bytes(value):
    if isinstance(value, tuple):
        return b"".join(map(_bytes, value))
    return value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()
