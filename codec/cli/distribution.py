"""What `pyproject.toml` says of this distribution: its version and its commands, installed or in a checkout."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAME = "rawinlay"
GROUP = "rawinlay.commands"

GROUPS = {
    "for photographs": (
        "encode", "decode", "develop", "look", "view", "info", "verify", "compare", "strip", "trim", "batch",
        "mount",
    ),
    "for shells and programs": ("completion", "man", "schema"),
    "to see it work": ("demo",),
    "for the codec's makers": ("bench", "train"),
}
"""The commands as help shows them."""

PACKAGES = {"skimage": "scikit-image", "PIL": "pillow"}
"""Modules whose packages have other names."""

EXTRAS = ("demo", "parity", "learned", "bench", "peers", "jxl", "mount", "remote", "ray", "shell")
"""Which extras a user may want, the smaller one first."""


def version() -> str:
    """The distribution's version."""
    from importlib import metadata

    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return str(_project().get("version", "unknown"))


def commands(wanted: str | None = None) -> dict[str, Callable[[Any], None]]:
    """Name of each command -> the function that adds its parser to argparse's subparsers, in the order of `GROUPS`.

    wanted: this one alone, where there is one of the name: the others' modules take their time. Every layer registers
    its own as entry points of the group `GROUP`, so that nothing here imports a later layer.
    """
    from importlib import metadata  # takes as long as many a command

    registered = {entry.name: entry.value for entry in metadata.entry_points(group=GROUP)}
    registered = registered or dict(_project().get("entry-points", {}).get(GROUP, {}))
    if wanted in registered:
        registered = {wanted: registered[wanted]}
    known = [name for names in GROUPS.values() for name in names]
    found = {}
    for name in sorted(registered, key=lambda name: (known.index(name) if name in known else len(known), name)):
        module, _, attribute = registered[name].partition(":")
        found[name] = getattr(importlib.import_module(module), attribute)
    return found


def remedy(error: ModuleNotFoundError) -> str | None:
    """How to install a package that this distribution names and that is not there; None for any other module.

    The packages of an extra are named together: who lacks one, mostly lacks them all.
    """
    package = PACKAGES.get(root := (error.name or "").partition(".")[0], root).lower()
    for wanted in _requirements().values():
        if package in (name.lower() for name in wanted):
            return f"the package {package} is not installed: pip install {shlex.join(wanted.values())}"
    return None


def _requirements() -> dict[str, dict[str, str]]:
    """Extra, or the package itself -> name of each package -> what pip is asked for."""
    lines = [("", line) for line in _project().get("dependencies", ())]
    lines += [(extra, line) for extra, those in _project().get("optional-dependencies", {}).items() for line in those]
    if not lines:
        from importlib import metadata

        for line in metadata.requires(NAME) or ():
            match = re.search(r"""extra == ['"](\w+)['"]""", line)
            lines.append((match[1] if match else "", line))
    found: dict[str, dict[str, str]] = {}
    for extra, line in sorted(lines, key=lambda row: ("", *EXTRAS, row[0]).index(row[0])):
        if extra in ("", *EXTRAS):
            wanted = line.partition(";")[0].strip()
            found.setdefault(extra or _name(wanted), {})[_name(wanted)] = wanted
    return found


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]


def _project() -> dict[str, Any]:
    """The [project] table of a checkout that is not installed; empty where there is none."""
    import tomllib

    path = Path(__file__).parents[2] / "pyproject.toml"
    try:
        return dict(tomllib.loads(path.read_text(encoding="utf-8"))["project"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return {}
