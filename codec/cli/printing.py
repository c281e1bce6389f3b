"""Lines on stdout and stderr, which may be closed, full, or left by whoever read them."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from typing import TextIO


def say(line: str) -> None:
    """A line on stderr, if anybody listens."""
    if sys.stderr is not None:
        try:
            print(one_line(line), file=sys.stderr, flush=True)
        except (OSError, ValueError):
            pass


def one_line(text: str) -> str:
    """A text on one line, its control characters escaped: names and messages may come from files that nobody trusts."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in line)


def print_lines(lines: Iterable[str], stream: TextIO | None) -> None:
    """Lines on a stream, at once. Raises OSError where they can't be had there."""
    if stream is None:
        raise OSError(errno.EBADF, "it is closed")
    try:
        stream.write("\n".join([*lines, ""]))
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError:
        discard(stream)
        raise


def discard(stream: TextIO) -> None:
    """Lead a stream that can't be written to nowhere, so that Python does not try again at the end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        pass
