"""How the benchmarks' commands end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from ..bitstream.errors import RawinlayError


def exit_with(run: Callable[[], int]) -> NoReturn:
    """Run a command and exit with its code; an error of ours as one line with its own."""
    try:
        sys.exit(run())
    except RawinlayError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
