"""Shots with JPEGs by real programs: mosaics by the simulator, pictures by LibRaw, darktable and RawTherapee.

    python -m rawinlay.codec.training.render SHOTS_DIR OUT_DIR --seed 11 [--programs libraw darktable rawtherapee]

Each shot is written as a DNG, developed by a program drawn at random with settings drawn at random, and saved again as
a shot (`codec.simulator.dataset`) under a new name. Programs cut a few rows and columns off the borders; the mosaic is
cut alike, so that picture and mosaic lie on each other without a geometry. A shot that exists is left as it is; one
that a program fails on is left out.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rawpy
from PIL import Image

from ...bitstream.dng.writer import write_dng
from ...bitstream.errors import InputError
from ..simulator.camera import Shot
from ..simulator.dataset import load_shot, save_shot

LEAST_SIDE = 300
"""Smaller shots hold too little for a readout; programs also struggle with them."""

MOST_CUT = 32
TIMEOUT = 200
LIBRAW_DEMOSAICS = ("AHD", "AHD", "AHD", "AHD", "LINEAR", "VNG", "PPG", "DCB", "DHT", "AAHD")
QUALITIES = (85, 90, 92, 95, 95, 98)
DARKTABLE_WORKFLOWS = ("scene-referred", "scene-referred", "display-referred", "none")
RT_PROFILES = Path("/usr/share/rawtherapee/profiles")
RT_DEMOSAICS = ("rcd", "lmmse", "dcb", "vng4", "ahd", "igv", "amaze", "eahd", "hphd")


def develop_libraw(dng: Path, jpeg: Path, rng: np.random.Generator) -> str:
    """LibRaw with random demosaicing, noise reduction, brightness and JPEG settings; returns what was set."""
    name = str(rng.choice(LIBRAW_DEMOSAICS))
    options: dict[str, Any] = {"no_auto_bright": bool(rng.random() < 0.4)}
    if rng.random() < 0.3:
        options["median_filter_passes"] = int(rng.integers(1, 3))
    if rng.random() < 0.25:
        options["fbdd_noise_reduction"] = rawpy.FBDDNoiseReductionMode(int(rng.integers(1, 3)))
    if rng.random() < 0.25:
        options["noise_thr"] = float(rng.uniform(50, 500))
    if rng.random() < 0.3:
        options["highlight_mode"] = int(rng.integers(1, 4))
    if rng.random() < 0.3:
        options["bright"] = float(rng.uniform(0.7, 2.0))
    if rng.random() < 0.2:
        options["gamma"] = (float(rng.uniform(1.8, 2.6)), float(rng.uniform(2, 13)))
    quality, sampling = int(rng.choice(QUALITIES)), int(rng.choice([0, 1, 2, 2]))
    with rawpy.imread(str(dng)) as raw:
        demosaic = rawpy.DemosaicAlgorithm[name]
        picture = raw.postprocess(demosaic_algorithm=demosaic, use_camera_wb=True, output_bps=8, **options)
    Image.fromarray(picture).save(jpeg, "JPEG", quality=quality, subsampling=sampling)
    return f"libraw {name} q{quality} {options}"


def _libraw(dng: Path, jpeg: Path, rng: np.random.Generator) -> str:
    """`develop_libraw` in a process of its own: some of its settings crash on some pictures."""
    command = [sys.executable, "-m", "rawinlay.codec.training.render", "--libraw", str(dng), str(jpeg)]
    command.append(str(rng.integers(1 << 30)))
    return subprocess.run(command, capture_output=True, timeout=TIMEOUT, text=True).stdout.strip()


def _darktable(dng: Path, jpeg: Path, rng: np.random.Generator) -> str:
    quality, workflow = int(rng.choice(QUALITIES)), str(rng.choice(DARKTABLE_WORKFLOWS))
    command = ["darktable-cli", str(dng), str(jpeg), "--core", "--library", ":memory:", "--disable-opencl"]
    command += ["--conf", f"plugins/imageio/format/jpeg/quality={quality}"]
    _call([*command, "--conf", f"plugins/darkroom/workflow={workflow}"], dng.parent)
    return f"darktable q{quality} {workflow}"


def _rawtherapee(dng: Path, jpeg: Path, rng: np.random.Generator) -> str:
    quality, sampling, kind = int(rng.choice(QUALITIES)), int(rng.integers(1, 4)), rng.random()
    profile, note = ["-d"], "default"
    matched = sorted(RT_PROFILES.glob("*ISO*.pp3"))
    if kind < 0.45 and matched:
        path = matched[rng.integers(len(matched))]
        profile, note = ["-p", str(path)], path.stem
    elif kind < 0.8:
        note, own = str(rng.choice(RT_DEMOSAICS)), dng.with_name("own.pp3")
        sharpen = str(bool(rng.random() < 0.5)).lower()
        own.write_text(
            f"[RAW Bayer]\nMethod={note}\nCcSteps={rng.integers(0, 2)}\n[Sharpening]\nEnabled={sharpen}\nMethod=usm\n"
            f"Radius={rng.uniform(0.4, 1.2):.2f}\nAmount={rng.integers(50, 300)}\n"
        )
        profile = ["-d", "-p", str(own)]
    _call(["rawtherapee-cli", "-q", "-o", str(jpeg), *profile, f"-j{quality}", f"-js{sampling}", "-Y", "-c", str(dng)],
          dng.parent)  # fmt: skip
    return f"rawtherapee {note} q{quality} js{sampling}"


def _call(command: list[str], home: Path) -> None:
    """Run a program as a user without settings."""
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "RT_SETTINGS", "RT_CACHE")
    environment = os.environ | {name: str(home / name) for name in names}
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)


PROGRAMS: dict[str, Callable[[Path, Path, np.random.Generator], str]] = {
    "libraw": _libraw,
    "darktable": _darktable,
    "rawtherapee": _rawtherapee,
}


def rendered(shot: Shot, program: str, rng: np.random.Generator) -> Shot:
    """The shot with a JPEG by a program; `InputError` where there is none, or its borders can't be matched."""
    raw = replace(shot.raw, orientation=1)
    with tempfile.TemporaryDirectory() as folder:
        dng, jpeg = Path(folder) / "shot.dng", Path(folder) / "shot.jpg"
        dng.write_bytes(write_dng(raw))
        try:
            note = PROGRAMS[program](dng, jpeg, rng)
            data = jpeg.read_bytes()
            width, height = Image.open(io.BytesIO(data)).size
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"{program} made no picture ({error})") from error
    down, across = (n - m for n, m in zip(raw.mosaic.shape, (height, width), strict=True))
    if any(cut % 4 or not 0 <= cut <= MOST_CUT for cut in (down, across)):
        raise InputError(f"{program}'s picture of {width} x {height} does not match the mosaic")
    i, j = down // 2, across // 2  # even, so the CFA's phase stays
    mosaic = np.ascontiguousarray(raw.mosaic[i : i + height, j : j + width])
    return Shot(replace(raw, mosaic=mosaic), data, shot.settings | {"renderer": note})


def main(arguments: list[str] | None = None) -> int:
    """Command line of this module; returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["--libraw"]:
        print(develop_libraw(Path(words[1]), Path(words[2]), np.random.default_rng(int(words[3]))))
        return 0
    parser = argparse.ArgumentParser(
        "python -m rawinlay.codec.training.render",
        description="Render shots by real programs.",
    )
    parser.add_argument("shots", type=Path, metavar="SHOTS_DIR")
    parser.add_argument("out", type=Path, metavar="OUT_DIR")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--programs", nargs="+", choices=list(PROGRAMS), default=list(PROGRAMS))
    args = parser.parse_args(words)
    args.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(args.shots.glob("shot-*.npz")):
        index, split = path.stem.split("-")[1:3]
        target = args.out / f"shot-{args.seed:02d}{index}-{split}.npz"
        shot = load_shot(path)
        if target.exists() or min(shot.raw.mosaic.shape) < LEAST_SIDE:
            continue
        rng = np.random.default_rng([args.seed, int(index)])
        try:
            made = rendered(shot, str(rng.choice(args.programs)), rng)
        except InputError as error:
            print(f"{path.name}: left out, {error}", file=sys.stderr)
            continue
        save_shot(target, made, str(shot.settings.get("scene", "")))
        print(f"{target.name}: {made.settings['renderer']}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
