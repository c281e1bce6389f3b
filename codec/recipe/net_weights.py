"""The weights files of the guide's nets, as far as can be told without torch.

`codec/recipe/nets` has those of every identity that a release ever wrote (`bitstream.runtime.registry`). All are nets
of one architecture, that of `codec.recipe.net`.
"""

from __future__ import annotations

from pathlib import Path

from ...bitstream.runtime.registry import Registry

DEFAULT = bytes.fromhex("cbb9271c324d788e")
"""Identity of the net that this version encodes with."""

REGISTRY = Registry("learned features", Path(__file__).with_name("nets"), ".safetensors")

COUNT = 24
"""Learned features of a cell."""
