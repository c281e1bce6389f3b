"""What local exposure is worth: known answers, and scenes with more light than a display shows.

    python -m rawinlay.benchmarks.local_exposure PAIRS_DIR [--pictures FILE.jpg]

Known answers: segments of held-out pictures are exposed apart by up to 1.5 EV; what a method gives each segment is
compared with what was done to it, free of a common offset, in EV. Rows: nothing done; exposure fusion, how far its
change by place differs from that of the picture as it was; `codec.looks.apart` told the segments, and finding them;
ours, as fusion; and what is found in pictures that were left alone. Light beyond the display: share of pixels at its
ends, and SSIM of brightness with exposure fusion, over the held-out scenes whose brightest hundredth is over white.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from ..bitstream.errors import InputError, RawinlayError
from ..codec.isp import local
from ..codec.isp.colour import luminance, srgb_encode
from ..codec.isp.settings import Settings
from ..codec.looks.apart import exposed_apart
from ..codec.looks.exposure import SIDE, fusion_change, local_exposure
from ..codec.looks.operators import fusion
from ..codec.training.apart import known


def applied(light: np.ndarray, exposed: local.Exposed) -> np.ndarray:
    """Linear light under local exposure, as `Developer` does it."""
    height, width = light.shape[:2]
    share = min(1.0, local.SIDE / max(height, width))
    small = cv2.resize(light, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
    a, b = (cv2.resize(np.asarray(v, np.float32), (width, height))
            for v in local.combined(luminance(small), Settings(), exposed))  # fmt: skip
    return np.asarray(light * np.exp2(a * np.log2(np.maximum(luminance(light), local.FLOOR)) + b)[..., None])


def known_answer(light: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Squared errors, EV^2, weighted by segments' sizes."""
    changed, parts, done = known(light, rng)
    to = SIDE / max(light.shape[:2])
    small = cv2.resize(light, None, fx=to, fy=to, interpolation=cv2.INTER_AREA)
    size = np.bincount(parts.ravel(), minlength=len(done)) / parts.size
    found = {
        "nothing": np.zeros(parts.shape), "fusion": fusion_change(changed) - fusion_change(small),
        "told": -exposed_apart(changed, parts), "found": -exposed_apart(changed),
        "ours": local_exposure(changed).ev - local_exposure(small).ev, "left alone": -exposed_apart(small),
    }  # fmt: skip
    out = {}
    for name, ev in found.items():
        mean = np.bincount(parts.ravel(), ev.ravel(), len(done)) / np.maximum(size * parts.size, 1)
        wrong = mean + (done if name != "left alone" else 0)
        out[name] = float((size * (wrong - (size * wrong).sum()) ** 2).sum())
    return out


def ends(display: np.ndarray) -> float:
    """Share of pixels whose brightness is at an end of the display."""
    grey = display.max(-1), display.min(-1)
    return float(((grey[1] > 0.985) | (grey[0] < 0.015)).mean())


def _lights(files: list[Path]) -> list[np.ndarray]:
    found = []
    for path in files:
        with np.load(path, allow_pickle=False) as entries:
            found.append(entries["light"].astype(np.float32))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Command line of this module; returns the exit code."""
    parser = argparse.ArgumentParser("python -m rawinlay.benchmarks.local_exposure", description="Local exposure.")
    parser.add_argument("pairs", type=Path, metavar="PAIRS_DIR")
    parser.add_argument("--pictures", type=Path, metavar="FILE.jpg", help="plain, ours and fusion of each bright scene")
    args = parser.parse_args(arguments)
    try:
        files = sorted(args.pairs.glob("pair-*-val.npz"))
        if not files:
            raise InputError(f"{args.pairs}: no pairs are held out")
        lights = _lights(files)
    except RawinlayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    from skimage.metrics import structural_similarity

    rng = np.random.default_rng(7)
    answers = [known_answer(light, rng) for light in lights for _ in range(3)]
    print(f"known answers, {len(lights)} pictures: EV RMSE " + ", ".join(
        f"{name} {np.sqrt(np.mean([a[name] for a in answers])):.2f}" for name in answers[0]))  # fmt: skip
    bright = [light for light in lights if np.percentile(light.max(-1), 99) > 1]
    rows: dict[str, list[tuple[float, float]]] = {}
    strips = []
    for light in bright:
        teacher = fusion(light)
        shown = {"plain": srgb_encode(light.clip(0, 1)), "fusion": teacher,
                 "ours": srgb_encode(applied(light, local_exposure(light)).clip(0, 1))}  # fmt: skip
        for name, picture in shown.items():
            grey = [np.asarray(luminance(p), np.float32) for p in (picture, teacher)]
            rows.setdefault(name, []).append((ends(picture), structural_similarity(*grey, data_range=1.0)))
        strips.append(np.hstack([cv2.resize(np.asarray(shown[n], np.float32), (360, 240), interpolation=cv2.INTER_AREA)
                                 for n in ("plain", "ours", "fusion")]))  # fmt: skip
    for name, values in rows.items():
        share, alike = np.mean(values, 0)
        print(f"{name}: at the display's ends {share:.2%}, SSIM with fusion {alike:.3f}, {len(bright)} pictures")
    if args.pictures and strips:
        args.pictures.parent.mkdir(parents=True, exist_ok=True)
        whole = np.rint(np.vstack(strips[:8])[..., ::-1] * 255).astype(np.uint8)
        cv2.imwrite(str(args.pictures), whole, [cv2.IMWRITE_JPEG_QUALITY, 82])
    return 0


if __name__ == "__main__":
    sys.exit(main())
