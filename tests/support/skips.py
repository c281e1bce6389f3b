"""What a run of the tests left out, in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def told(reasons: Iterable[str]) -> str:
    """How many tests, or modules of them, were skipped, by reason, the most frequent first; "" for none."""
    counted = Counter(reason.removeprefix("Skipped: ") for reason in reasons)
    parts = [f"{count} ({reason})" for reason, count in sorted(counted.items(), key=lambda row: (-row[1], row[0]))]
    return f"left out {counted.total()}: {', '.join(parts)}" if parts else ""
