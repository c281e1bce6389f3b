"""Pairs for looks: simulated RAWs, and what real programs make of them under their own profiles.

    python -m rawinlay.codec.training.look_pairs SCENES_DIR OUT_DIR --count 120 --seed 1 [--side 560]

Scenes are shrunk whole, photographed by random cameras, written as DNGs and developed, a batch by one call of each
program, lens correction off by want of a lens. One .npz (no pickles) a scene, pair-00007-train.npz; those that exist
are left, so a stopped run goes on.

==========  =======  =========  ============================================================================
entry       dtype    shape      meaning
==========  =======  =========  ============================================================================
light       float16  (h, w, 3)  linear sRGB as `Developer` has it, 99th percentile of the greens at 0.9
facts       float64  (3,)       exposure in EV that brought it there, log2 of the neutral's R / G and B / G
a look      uint8    (h, w, 3)  the program's picture, cut alike
==========  =======  =========  ============================================================================
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import rawpy
from PIL import Image

from ...bitstream.dng.writer import write_dng
from ...bitstream.errors import InputError, RawinlayError
from ...bitstream.raw_image import RawImage
from ..isp.develop import Developer, Rendering
from ..isp.settings import Settings
from ..isp.tone import TABLE, ToneCurve
from ..simulator.scenes import SceneFile, list_scenes, load_scene
from ..simulator.sensor import draw_sensor, expose, expose_noisy, raw_image

BATCH = 12
TIMEOUT = 1200
PROFILES = Path("/usr/share/rawtherapee/profiles")
HELD_OUT_HDR = 6
"""Every so manieth HDR scene is held out: the manifest holds out display scenes alone."""

LIGHT_TOP = 64.0
RAWTHERAPEE = {
    "film": (PROFILES / "Standard Film Curve - ISO Low.pp3", ""),
    "pop": (PROFILES / "Pop" / "Pop 1.pp3", ""),
    "bw": (PROFILES / "Pop" / "Pop 4 Black-and-White.pp3", ""),
    "lab": (PROFILES / "Pop" / "Pop 2 Lab.pp3", ""),
    "drc": (PROFILES / "Standard Film Curve - ISO Low.pp3",
            "[FattalToneMapping]\nEnabled=true\nThreshold=30\nAmount=30\nAnchor=50\n"),
}  # fmt: skip
"""Profiles, and what is set beside them. `lab` is nobody's training: it is for looks learned from a few pairs."""

LOOKS = ("filmic", *RAWTHERAPEE, "libraw")


def linear_developer(raw: RawImage) -> tuple[np.ndarray, float]:
    """Linear sRGB, float32 (H, W, 3), under the plain rendering's exposure; and that exposure, EV."""
    exposure = Developer(raw).rendering.exposure
    ramp = np.linspace(0, 1, TABLE).astype(np.float32)  # display = root of light / top
    picture = Developer(raw, Rendering(exposure, ToneCurve(ramp, LIGHT_TOP))).picture(Settings(), bits=16)
    return (picture.astype(np.float32) / 65535) ** 2 * np.float32(LIGHT_TOP), exposure


def _rawtherapee(name: str, dngs: list[Path], out: Path, home: Path) -> None:
    profile, more = RAWTHERAPEE[name]
    words = ["-p", str(profile)]
    if more:
        own = out / "own.pp3"
        own.write_text(more)
        words += ["-p", str(own)]
    _call(["rawtherapee-cli", "-q", "-o", f"{out}/", *words, "-t", "-b8", "-Y", "-c", *map(str, dngs)], home)


def _filmic(name: str, dngs: list[Path], out: Path, home: Path) -> None:
    _call(["darktable-cli", str(dngs[0].parent), f"{out}/", "--out-ext", "tif", "--core", "--library", ":memory:",
           "--configdir", str(home / "dt"), "--disable-opencl", "--conf", "plugins/darkroom/workflow=scene-referred"],
          home)  # fmt: skip


def _libraw(name: str, dngs: list[Path], out: Path, home: Path) -> None:
    for dng in dngs:
        with rawpy.imread(str(dng)) as raw:
            Image.fromarray(raw.postprocess(use_camera_wb=True, output_bps=8)).save(out / f"{dng.stem}.tif")


PROGRAMS: dict[str, Callable[[str, list[Path], Path, Path], None]] = {
    **dict.fromkeys(RAWTHERAPEE, _rawtherapee), "filmic": _filmic, "libraw": _libraw,
}  # fmt: skip


def _call(command: list[str], home: Path) -> None:
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "RT_SETTINGS", "RT_CACHE")
    environment = os.environ | {name: str(home / name) for name in names}
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)


def photographed(file: SceneFile, side: int, seed: list[int]) -> RawImage:
    """The scene, whole, its longest side `side`, by a random camera."""
    scenes, sensors, noise = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(3))
    scene = load_scene(file, scenes)
    if file.coding == "log":  # panoramas: a part with a photograph's proportions
        width = min(scene.shape[1], scene.shape[0] * 3 // 2)
        left = int(scenes.integers(scene.shape[1] - width + 1))
        scene = scene[:, left : left + width]
    share = side / max(scene.shape[:2])
    height, width = (max(64, round(n * share) // 4 * 4) for n in scene.shape[:2])
    scene = cv2.resize(scene, (width, height), interpolation=cv2.INTER_AREA)
    sensor = draw_sensor(sensors)
    light, _ = expose(np.ascontiguousarray(scene.clip(0), np.float32), sensor)
    return raw_image(expose_noisy(light, sensor, noise), sensor, 1)


def _cut(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    down, across = (n - m for n, m in zip(picture.shape[:2], shape, strict=True))
    if min(down, across) < 0 or down % 2 or across % 2:
        raise InputError(f"a picture of {picture.shape[:2]} where {shape} is wanted")
    return picture[down // 2 : down // 2 + shape[0], across // 2 : across // 2 + shape[1]]


def batch(jobs: list[tuple[Path, SceneFile, list[int]]], side: int, names: tuple[str, ...] = LOOKS) -> int:
    """Make some pairs; how many came out whole."""
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "in").mkdir()
        raws = {}
        for target, scene, seed in jobs:
            raw = photographed(scene, side, seed)
            (work / "in" / f"{target.stem}.dng").write_bytes(write_dng(raw))
            raws[target] = raw
        dngs = sorted((work / "in").glob("*.dng"))
        for name in names:
            (work / name).mkdir()
            PROGRAMS[name](name, dngs, work / name, work)
        for target, raw in raws.items():
            light, exposure = linear_developer(raw)
            shape = light.shape[0] - 8, light.shape[1] - 8
            cut = _cut(light, shape)
            found: dict[str, np.ndarray] = {}
            try:
                for name in names:
                    with Image.open(work / name / f"{target.stem}.tif") as picture:
                        found[name] = _cut(np.asarray(picture.convert("RGB")), shape)
            except (OSError, InputError) as error:
                print(f"{target.name}: left out, {error}", file=sys.stderr)
                continue
            neutral = Developer(raw).light.neutral
            facts = np.array([exposure, *np.log2(neutral[[0, 2]] / neutral[1])])
            part = target.with_suffix(".part")
            with part.open("wb") as out:
                np.savez(out, **{"light": cut.astype(np.float16), "facts": facts} | found)  # type: ignore[arg-type]
            part.replace(target)
            done += 1
    return done


def plan(folder: Path, out: Path, count: int, seed: int) -> list[tuple[Path, SceneFile, list[int]]]:
    """Scenes in a random order; of the HDR ones every sixth is held out."""
    scenes = list_scenes(folder)
    hdr = [s for s in scenes if s.coding == "log"]
    held = {s.path for s in hdr[::HELD_OUT_HDR]}
    order = np.random.default_rng(seed).permutation(len(scenes))
    jobs = []
    for index in range(count):
        scene = scenes[order[index % len(scenes)]]
        split = "val" if scene.path in held else scene.split
        jobs.append((out / f"pair-{index:05d}-{split}.npz", scene, [seed, index]))
    return jobs


def main(arguments: list[str] | None = None) -> int:
    """Command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser("python -m rawinlay.codec.training.look_pairs", description="Pairs for looks.")
    parser.add_argument("scenes", type=Path, metavar="SCENES_DIR")
    parser.add_argument("out", type=Path, metavar="OUT_DIR")
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side", type=int, default=560, help="longest side, px")
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        jobs = [job for job in plan(args.scenes, args.out, args.count, args.seed) if not job[0].exists()]
        for first in range(0, len(jobs), BATCH):
            made = batch(jobs[first : first + BATCH], args.side)
            print(f"{first + made} of {len(jobs)}", flush=True)
    except RawinlayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
