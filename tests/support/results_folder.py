"""A folder of made-up benchmark results: rows and pictures of the right shape, for tests of the report.

python tests/support/results_folder.py DIR    writes one, to look at
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

NASTY = '"><img src=x onerror="document.title=\'hit\'"></script><script>document.title="hit"</script>{{ 7 * 7 }} & é'
FILES = {"alpha.nef": "Camera One", "beta & co.dng": "Camera Two", "gamma.dng": "GoPro MADE UP"}
GUIDES = {"libraw": 0.0, "rtnr": -3.0}
RATES = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
EDITS = ("as_shot", "plus2ev", "warm_minus1ev", "curve")
SETUP = {
    "machine": "Made-up CPU, 2 cores, Linux x86_64", "commit": "0123456789ab",
    "versions": {"python": "3.11.7", "numpy": "2.4.6"}, "command": "rawinlay bench rd --raw DIR --out results",
}  # fmt: skip
PEERS = {  # guided, dB below ours at 0.4 bpp, dB per octave
    "trunk": (True, 1.0, 3.9), "trunk-blind": (False, 7.0, 4.6), "sam": (True, 9.0, 2.0), "r2lcm": (True, 4.0, 2.4),
    "jxl-linear": (False, 8.0, 4.5), "jxl-companded": (False, 10.0, 4.7),
}  # fmt: skip
STATES = {"r2lcm": "20,000 steps of 3,000,000 asked for, 400 simulated shots, commit 0123456789ab"}


def row(file: str, guide: str, codec: str, setting: str, bpp: float, psnr: float | None, **more: Any) -> dict[str, Any]:
    """One row with every field; all other measures follow from psnr."""
    pixels = 2_000_000
    exact = psnr is None
    quality = 90.0 if psnr is None else psnr
    edit = {"psnr": None if exact else quality - 12, "ciede2000": 0.0 if exact else 2 ** ((50 - quality) / 6)}
    time = {"reading": 0.3, "guide": 0.9, "network": 2.0, "entropy": 1.1, "writing": 0.1}
    parts = time if codec in ("rawinlay", "r2lcm") else {}
    cost = {"total": sum(parts.values()) + 0.4, **parts, "peak_memory": 900_000_000}
    head = {"file": file, "camera": FILES.get(file, ""), "pixels": pixels, "guide": guide,
            "guide_program": f"{guide} 1.0" if guide else "", "codec": codec, "setting": setting,
            "counts": "its whole stream", "state": STATES.get(codec, "")}  # fmt: skip
    measures = {"bytes": round(bpp * pixels / 8), "bpp": bpp, "identical": exact, "psnr": psnr,
                "max_error": 0 if exact else round(2 ** ((80 - quality) / 4)),
                "psnr_companded": None if exact else quality - 4, "ssim": 1 - 2 ** (-quality / 5),
                "edits": dict.fromkeys(EDITS, edit), "encode": cost, "decode": cost}  # fmt: skip
    return head | measures | SETUP | more


def rows() -> list[dict[str, Any]]:
    """Two files where ours leads, a third where two peers pass it at high rates; failures, gaps, nasty text."""
    out = []
    for k, file in enumerate(FILES):
        for guide, less in GUIDES.items():
            for rate in RATES:
                flat = 2.2 if k == 2 else 3.6  # ours gains less with rate on the last file
                psnr = 52 + less - k + flat * math.log2(rate / 0.4)
                out.append(row(file, guide, "rawinlay", f"bpp={rate:g}", 0.99 * rate, psnr))
            out.append(row(file, guide, "rawinlay", "lossless", 6.0 - 0.1 * k - less / 10, None))
        for codec, (guided, below, slope) in PEERS.items():
            for guide in GUIDES if guided else [""]:
                for n, rate in enumerate(RATES):
                    setting = f"bpp={rate:g}" if codec.startswith("trunk") else f"quality={n}"
                    at = 1.07 * rate
                    psnr = 52 - k - below + (GUIDES[guide] if guide else -1) + slope * math.log2(at / 0.4)
                    out.append(row(file, guide, codec, setting, at, psnr))
        out.append(row(file, "", "jxl-lossless", "lossless", 7.2 - k, None))
    failed = {name: out[0][name] for name in ("file", "camera", "pixels", "guide", *SETUP)}
    out.append(failed | {"codec": "cam", "setting": "rate=1", "error": f"Unavailable: no weights {NASTY}"})
    out.append(failed | {"codec": "rawinlay", "setting": "bpp=0.05", "error": "encode: exit 3"})
    return out


def nasty_rows() -> list[dict[str, Any]]:
    """Rows with hostile text in every place, paths for names, and values that are no numbers."""
    out = [row(NASTY, NASTY, NASTY, NASTY, 0.1, 40.0, camera=NASTY, counts=NASTY, state=NASTY, machine=NASTY,
               commit=NASTY, versions={NASTY: NASTY}, guide_program=NASTY, command=NASTY)]  # fmt: skip
    out += [row(NASTY, NASTY, "rawinlay", f"bpp={rate}", rate, 30 + rate, camera=NASTY) for rate in (0.1, 0.2)]
    out += [row("../../etc/passwd", "..", "/etc", "..", 0.5, 41.0), row("alpha.nef", "", "lone \ud800", "1", 0.5, 40.0)]
    wrong: list[dict[str, Any]] = [
        {"bpp": "many"}, {"bpp": -1}, {"bpp": 10**400}, {"psnr": [1]}, {"identical": "yes"}, {"setting": "bpp=x"},
    ]  # fmt: skip
    out += [row("alpha.nef", "libraw", f"wrong-{k}", "1", 0.5, 40.0) | fields for k, fields in enumerate(wrong)]
    out.append(row("alpha.nef", "libraw", "odd", "1", 0.5, 40.0) | {
        "edits": {"as_shot": 3, "curve": {"psnr": "x"}}, "encode": {"total": "x"}, "decode": 7, "versions": [1],
        "bytes": None, "pixels": "all", "ssim": True, "max_error": {}, "camera": 9,
    })  # fmt: skip
    return out


def write_rows(folder: Path, found: list[dict[str, Any]]) -> None:
    """DIR/rows.jsonl; JSON escapes what UTF-8 cannot hold."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in found), encoding="utf-8")


def write_protocol(folder: Path) -> None:
    """DIR/protocol.json, as `rawinlay bench protocol` writes it."""
    published = {"method": "R2LCM++", "guide": "8-bit sRGB", "bpp": 0.02, "psnr": {"Camera <A>": 55.5, "B": 56.25}}
    measured = {"codec": "rawinlay", "layout": "cells", "bpp": 0.0199, "psnr": 51.5, "worst": None, "ssim": 0.9981,
                "files": 3, "exact": 1}  # fmt: skip
    found = {"note": "OTHER DATA: <b>made up</b>", "published": [published], "measured": [measured]}
    (folder / "protocol.json").write_text(json.dumps(found), encoding="utf-8")


def write_pictures(folder: Path, found: list[dict[str, Any]], size: tuple[int, int] = (640, 480)) -> int:
    """DIR/pictures for all rows near 0.1, 0.4 and 1.5 bpp, as the benchmark lays them out; how many there are."""
    count = 0
    width, height = size
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    true = np.stack([across * 255 // width, down * 255 // height, (across // 32 + down // 32) % 2 * 255], -1)
    noise = np.random.default_rng(1).normal(size=(height, width, 1))
    for r in found:
        stem = folder / "pictures" / Path(r["file"]).stem
        pictures = {stem / "true.png": true}
        if "error" not in r and any(abs(r["bpp"] / rate - 1) < 0.1 for rate in (0.1, 0.4, 1.5)):
            place = stem / (r["guide"] or "blind") / r["codec"] / r["setting"]
            pictures[place / "decoded.png"] = true + noise * 60 / (r["bpp"] + 0.2)
            pictures[place / "error.png"] = np.abs(noise * [90, 40, 140]) / (r["bpp"] + 0.5)
            if r["codec"] == "rawinlay":
                pictures[place / "bits.png"] = np.repeat(across[..., None] * 255 // width, 3, -1)
        for path, picture in pictures.items():
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path, compress_level=1)
                count += 1
    return count


if __name__ == "__main__":
    write_rows(Path(sys.argv[1]), rows())
    write_protocol(Path(sys.argv[1]))
    print(write_pictures(Path(sys.argv[1]), rows()), "pictures")
