"""From a trained model to the file that is shipped, checked number for number."""

from __future__ import annotations

import copy
import json
from typing import Any

import torch
from safetensors.torch import save

from ...bitstream.errors import RawinlayError
from ..recipe.net import BLUR, REACH, GuideNet, inputs, means, parse
from .guide_model import GuideModel, WholeConv


def export(model: GuideModel, facts: dict[str, Any] | None = None) -> bytes:
    """The weights file of a model. facts: for people, kept in the file's metadata.

    Raises `RawinlayError` where the runtime and the model disagree in any number.
    """
    tensors = {}
    for n, layer in model.layers.items():
        assert isinstance(layer, WholeConv)
        tensors[f"{n}.weight"] = layer.whole_weight().detach().cpu().to(torch.int8).contiguous()
        tensors[f"{n}.bias"] = layer.whole_bias().detach().cpu().to(torch.int32).contiguous()
    data = save(tensors, {"facts": json.dumps(facts or {})})  # one entry: safetensors shuffles several
    difference = disagreement(parse(data), model)
    if difference:
        raise RawinlayError(f"the runtime and the trained net differ by up to {difference:g}: please report this")
    return data


def disagreement(net: GuideNet, model: GuideModel, seed: int = 0) -> float:
    """Largest difference of the features of runtime and model over a picture of noise, edges and flat parts."""
    g = torch.Generator().manual_seed(seed)
    h, w = 9 * BLUR, 11 * BLUR
    planes = torch.randint(0, 4081, (6, h, w), generator=g, dtype=torch.int32)
    planes[:, : h // 3] = planes[:, : h // 3] // 64 + torch.arange(w) * 40
    planes[:, h // 2 :, : w // 2] = torch.randint(0, 2, (6, 1, 1), generator=g, dtype=torch.int32) * 4080
    planes = planes.clamp(0, 4080)
    planes[4:] -= 2048
    around = lambda v, n: torch.nn.functional.pad(v[None].float(), (n,) * 4, mode="replicate")  # noqa: E731
    edged = around(planes, REACH)[0].to(torch.int32)
    ours = net.features(edged, net.surroundings(planes), 0, 0)
    model = copy.deepcopy(model).cpu()
    with torch.no_grad():
        low = model.surroundings(means(planes)[None])
        theirs = model(inputs(edged)[None], around(low[0], 1))[0]
    return float((ours - theirs.double()).abs().max())
