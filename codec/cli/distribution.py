"""What `pyproject.toml` says of this distribution: its version and its commands, installed or in a checkout."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAME = "rawinlay"
GROUP = "rawinlay.commands"


def version() -> str:
    """The distribution's version."""
    from importlib import metadata

    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return str(_project().get("version", "unknown"))


def commands() -> dict[str, Callable[[Any], None]]:
    """Name of each command -> the function that adds its parser to argparse's subparsers, by name.

    Every layer registers its own as entry points of the group `GROUP`, so that nothing here imports a later layer.
    """
    from importlib import metadata  # takes as long as many a command

    registered = {entry.name: entry.value for entry in metadata.entry_points(group=GROUP)}
    registered = registered or dict(_project().get("entry-points", {}).get(GROUP, {}))
    found = {}
    for name, value in sorted(registered.items()):
        module, _, attribute = value.partition(":")
        found[name] = getattr(importlib.import_module(module), attribute)
    return found


def _project() -> dict[str, Any]:
    """The [project] table of a checkout that is not installed; empty where there is none."""
    import tomllib

    path = Path(__file__).parents[2] / "pyproject.toml"
    try:
        return dict(tomllib.loads(path.read_text(encoding="utf-8"))["project"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return {}
