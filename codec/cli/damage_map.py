"""The map of a salvaged RAW, beside its DNG."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .places import is_stdout, write_output

if TYPE_CHECKING:
    from ..decoder.salvage import Salvage


def write_map(output: Path, salvage: Salvage | None, inputs: Sequence[Path], force: bool) -> dict[str, Any] | None:
    """Write OUT.salvage.png and OUT.salvage.json beside a DNG; what --json says of it, None where nothing was salvaged.

    A DNG that goes to stdout has no files beside it.
    """
    if salvage is None:
        return None
    told = salvage.as_json()
    if not is_stdout(output):
        picture, rows = (output.with_suffix(f".salvage.{kind}") for kind in ("png", "json"))
        write_output(picture, salvage.png(), inputs, force)
        write_output(rows, (json.dumps(told, indent=1) + "\n").encode(), inputs, force)
        told |= {"map": str(picture), "list": str(rows)}
    return {key: value for key, value in told.items() if key != "tiles"}
