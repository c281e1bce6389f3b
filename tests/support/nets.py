"""Nets of random weights for the tests: bytes as `codec.recipe.net` reads them."""

import torch
from rawinlay.codec.recipe.net import LAYERS
from safetensors.torch import save


def random_tensors(seed=0, largest=40, bias=20_000):
    """Weights up to `largest`, biases up to `bias`: activations over the whole of 0..255 and beyond."""
    g = torch.Generator().manual_seed(seed)
    out = {}
    for n, layer in LAYERS.items():
        shape = (layer.outputs, layer.inputs, layer.side, layer.side)
        out[f"{n}.weight"] = torch.randint(-largest, largest + 1, shape, generator=g, dtype=torch.int8)
        out[f"{n}.bias"] = torch.randint(-bias, bias + 1, shape[:1], generator=g, dtype=torch.int32)
    return out


def random_net(seed=0, **bounds):
    return save(random_tensors(seed, **bounds))
