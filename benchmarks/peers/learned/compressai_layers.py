"""CompressAI's layers and entropy coder (BSD-3-Clause-Clear) without the rest of the package.

`import compressai` brings in torch_geometric, torchvision, pandas and more for point clouds and its zoo, and its
release asks for NumPy 1. What is used here needs none of that, so the package's own `__init__` is passed over: its
submodules are imported from its folder under a package that holds just the two functions which they ask for.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
import types
from typing import Any

NAME = "compressai"


def _package() -> types.ModuleType:
    if NAME in sys.modules:
        return sys.modules[NAME]
    spec = importlib.machinery.PathFinder.find_spec(NAME)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {NAME!r}", name=NAME)
    package = types.ModuleType(NAME)
    package.__path__ = list(spec.submodule_search_locations)
    package.__dict__.update(available_entropy_coders=lambda: ["ans"], get_entropy_coder=lambda: "ans")
    sys.modules[NAME] = package
    return package


def _member(module: str, name: str) -> Any:
    _package()
    return getattr(importlib.import_module(f"{NAME}.{module}"), name)


AttentionBlock = _member("layers.layers", "AttentionBlock")
ResidualBlock = _member("layers.layers", "ResidualBlock")
ResidualBlockUpsample = _member("layers.layers", "ResidualBlockUpsample")
ResidualBlockWithStride = _member("layers.layers", "ResidualBlockWithStride")
subpel_conv3x3 = _member("layers.layers", "subpel_conv3x3")
GDN = _member("layers.gdn", "GDN")
EntropyBottleneck = _member("entropy_models", "EntropyBottleneck")
GaussianConditional = _member("entropy_models", "GaussianConditional")
BufferedRansEncoder = _member("ans", "BufferedRansEncoder")
RansDecoder = _member("ans", "RansDecoder")
