"""A set of simulated shots on disk, made in parallel and resumable, and the loader for it.

    python -m rawinlay.codec.simulator.dataset SCENES_DIR OUT_DIR --count 120 --seed 1 --size 768

One .npz (NumPy, deflate, no pickles) per shot, named by index and split of its scene: shot-00007-train.npz

=========  =======  ==========  ============================================================================
entry      dtype    shape       meaning
=========  =======  ==========  ============================================================================
mosaic     uint16   (H, W)      as in RawImage
levels     float64  (5,)        black of the four sites, white
jpeg       uint8    (bytes,)    the JPEG file
facts      uint8    (bytes,)    JSON: cfa, orientation, camera, tags, settings, scene
=========  =======  ==========  ============================================================================
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...bitstream.errors import InputError, RawinlayError, UsageError
from ...bitstream.raw_image import RawImage, TiffValue
from .camera import Shot, simulate
from .scenes import SceneFile, list_scenes, load_scene, random_crop

TAG_GROUPS = ("ifd0_tags", "raw_tags", "exif_tags")


def save_shot(path: Path | str, shot: Shot, scene: str = "") -> None:
    """Write one shot; the file appears whole or not at all."""
    path = Path(path)
    raw = shot.raw
    facts: dict[str, Any] = {name: getattr(raw, name) for name in ("cfa", "orientation", "camera")}
    facts |= {"settings": shot.settings, "scene": scene}
    facts |= {group: _plain(getattr(raw, group)) for group in TAG_GROUPS}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as out:
            np.savez_compressed(
                out,
                mosaic=raw.mosaic,
                levels=np.array([*raw.black, raw.white], np.float64),
                jpeg=np.frombuffer(shot.jpeg, np.uint8),
                facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
            )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_shot(path: Path | str) -> Shot:
    """Read what `save_shot` wrote. InputError if it is not such a file."""
    try:
        with np.load(path, allow_pickle=False) as entries:
            mosaic, levels, jpeg = entries["mosaic"], entries["levels"], entries["jpeg"].tobytes()
            facts = json.loads(entries["facts"].tobytes())
        b0, b1, b2, b3, white = (float(v) for v in levels)
        tags: dict[str, Any] = {group: _tiff_values(facts[group]) for group in TAG_GROUPS}
        black = (b0, b1, b2, b3)
        raw = RawImage(mosaic, facts["cfa"], black, int(white), facts["orientation"], facts["camera"], **tags)
        return Shot(raw, jpeg, facts["settings"] | {"scene": facts["scene"]})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a simulated shot ({type(error).__name__})") from error


def _plain(tags: Mapping[int, TiffValue]) -> dict[str, list[Any]]:
    return {str(tag): [v.type, v.count, v.data.hex()] for tag, v in tags.items()}


def _tiff_values(plain: Mapping[str, list[Any]]) -> dict[int, TiffValue]:
    return {int(tag): TiffValue(kind, count, bytes.fromhex(data)) for tag, (kind, count, data) in plain.items()}


@dataclass(frozen=True)
class Job:
    """One shot to make: everything about it follows from these."""

    scene: SceneFile
    seed: int
    index: int
    size: int
    path: Path


def make(job: Job) -> str:
    """Simulate and write one shot; returns the file's name."""
    draw, camera = np.random.SeedSequence([job.seed, job.index]).spawn(2)
    rng = np.random.default_rng(draw)
    scene = random_crop(load_scene(job.scene, rng), job.size, rng)
    save_shot(job.path, simulate(scene, camera), job.scene.path.name)
    return job.path.name


def plan(scenes: list[SceneFile], out: Path, count: int, seed: int, size: int) -> list[Job]:
    """The shots of a set: scenes in a random order, all of them before one comes again."""
    jobs = []
    for index in range(count):
        turn, place = divmod(index, len(scenes))
        order = np.random.default_rng([seed, turn]).permutation(len(scenes))
        scene = scenes[order[place]]
        jobs.append(Job(scene, seed, index, size, out / f"shot-{index:05d}-{scene.split}.npz"))
    return jobs


def generate(
    folder: Path, out: Path, count: int, seed: int, size: int, split: str | None = None, workers: int = 1
) -> int:
    """Make the shots that are not there yet, in `workers` processes; returns how many were made."""
    if count < 0 or size < 32 or workers < 1:
        raise UsageError("count must be 0 or more, size 32 or more, workers 1 or more")
    out.mkdir(parents=True, exist_ok=True)
    jobs = [job for job in plan(list_scenes(folder, split), out, count, seed, size) if not job.path.exists()]
    with multiprocessing.get_context("spawn").Pool(min(workers, max(1, len(jobs)))) as pool:
        for done, name in enumerate(pool.imap_unordered(make, jobs), 1):
            print(f"{done}/{len(jobs)} {name}", flush=True)
    return len(jobs)


def main(arguments: list[str] | None = None) -> int:
    """Command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser(
        "python -m rawinlay.codec.simulator.dataset",
        description="Write a set of simulated shots.",
    )
    parser.add_argument("scenes", type=Path, metavar="SCENES_DIR")
    parser.add_argument("out", type=Path, metavar="OUT_DIR")
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=768, help="largest side, px")
    parser.add_argument("--split", choices=["train", "val"], help="only scenes of this split")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    a = parser.parse_args(arguments)
    # each worker is one thread: processes are the parallelism
    os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")})
    try:
        generate(a.scenes, a.out, a.count, a.seed, a.size, a.split, a.workers)
    except RawinlayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
