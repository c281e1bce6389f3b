"""One shot: a scene, a random camera, its RAW and its JPEG."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from ...bitstream.errors import UsageError
from ...bitstream.raw_image import RawImage
from .isp import Isp, draw_isp, render
from .sensor import Sensor, draw_sensor, expose, expose_noisy, raw_image


@dataclass(frozen=True)
class Shot:
    """A RAW and the camera's JPEG of it.

    settings: every field of `Sensor` and `Isp` by name, and what followed from the picture: scene_gain (scene value ->
    green, 1 = white), display_gain (white-balanced RAW -> tone curve), clipped_share (of the mosaic, at the end of its
    range), noise_scale and noise_offset (the noise profile).
    """

    raw: RawImage
    jpeg: bytes
    settings: dict[str, Any]


SENSOR_FIELDS = {f.name for f in fields(Sensor)}
ISP_FIELDS = {f.name for f in fields(Isp)}


def simulate(scene: np.ndarray, seed: int | np.random.SeedSequence, **overrides: Any) -> Shot:
    """Photograph a scene: linear RGB (H, W, 3), scene-referred, any scale, at least 32 x 32.

    The camera is random, the same for the same seed; overrides are fields of `Sensor` and `Isp` by name. Units and
    ranges stand there. UsageError for an unknown field or another shape of scene.
    """
    if scene.ndim != 3 or scene.shape[2] != 3 or min(scene.shape[:2]) < 32:
        raise UsageError(f"the scene is {scene.shape}, want (H, W, 3) of 32 x 32 or more")
    unknown = overrides.keys() - SENSOR_FIELDS - ISP_FIELDS
    if unknown:
        raise UsageError(f"the simulator has no setting {', '.join(sorted(unknown))}")
    # a stream each for sensor, ISP and noise: overriding one setting leaves all else as it was
    draws = [np.random.default_rng(s) for s in _sequence(seed).spawn(3)]
    sensor = replace(draw_sensor(draws[0]), **{k: v for k, v in overrides.items() if k in SENSOR_FIELDS})
    isp = replace(draw_isp(draws[1], sensor), **{k: v for k, v in overrides.items() if k in ISP_FIELDS})
    scene = np.asarray(scene, np.float32)
    if sensor.odd_size:
        scene = scene[: scene.shape[0] - 1 + scene.shape[0] % 2, : scene.shape[1] - 1 + scene.shape[1] % 2]
    light, scene_gain = expose(scene, sensor)
    mosaic = expose_noisy(light, sensor, draws[2])
    raw = raw_image(mosaic, sensor, isp.orientation)
    jpeg, display_gain = render(raw, sensor, isp)
    scale, offset = sensor.noise()
    settings = asdict(sensor) | asdict(isp) | {
        "scene_gain": scene_gain,
        "display_gain": display_gain,
        "clipped_share": float(np.mean(mosaic >= sensor.clip)),
        "noise_scale": scale,
        "noise_offset": offset,
    }
    return Shot(raw, jpeg, settings)


def _sequence(seed: int | np.random.SeedSequence) -> np.random.SeedSequence:
    if isinstance(seed, np.random.SeedSequence):
        # a fresh one: spawning counts up the caller's
        return np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key)
    return np.random.SeedSequence(seed)
