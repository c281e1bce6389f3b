"""PyTorch, an extra of this distribution: what asks for it where it is not installed says so in one line."""

from __future__ import annotations

import importlib.util

from ..errors import UsageError

REQUIREMENT = "torch>=2.4"
"""As the extra `learned` of pyproject.toml has it."""


def need_torch(why: str) -> None:
    """`UsageError` with the remedy where there is no PyTorch. why: what needs it, for people, a clause."""
    if importlib.util.find_spec("torch") is None:
        raise UsageError(f"{why}, which needs PyTorch: pip install '{REQUIREMENT}'")
