"""How long the page of `rawinlay view` takes, in a headless Chromium: the figures of its issue, as JSON.

    python -m tests.campaigns.view_times CARRIER.jpg [--out times.json] [--count 5000] [--runs 3]

Times begin where a person's wait begins: at the command, at a pan's end, at a slider's event. Chromium paints by the
processor here (SwiftShader): a graphics card is quicker.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from browsers import chromium
from PIL import Image

SIZE = {"width": 1600, "height": 1000}
PATIENCE = 300.0
JPEG = ("document.getElementById('early')?.naturalWidth > 0 || "
        "window.rawinlay?.stage.parts.get('jpeg')?.overview != null")  # fmt: skip
RAW = "window.rawinlay?.stage.numbers.raw != null && window.rawinlay.stage.parts.get('raw')?.overview != null"
WHOLE = ("window.rawinlay?.state.developer != null && !window.rawinlay.state.first && "
         "window.rawinlay.stage.parts.get('raw')?.overview != null")  # fmt: skip

PAN = """async () => {
    const s = rawinlay.stage, times = [];
    for (const [dx, dy] of [[-700, 0], [0, -500], [-300, -200], [900, 100], [-1100, 300]]) {
        await new Promise((done) => {
            const begun = performance.now();
            const got = (e) => {
                if (e.detail.source !== 'raw' || e.detail.level !== 'detail') return;
                s.removeEventListener('part', got);
                s.addEventListener('painted', () => { times.push(performance.now() - begun); done(); }, { once: true });
            };
            s.addEventListener('part', got);
            s.pan(dx, dy);
        });
    }
    return times;
}"""
EDIT = """async () => {
    const s = rawinlay.stage, slider = document.getElementById('slider-exposure'), times = [];
    for (const value of [0.3, 0.6, 0.9, 0.5, 0.1, -0.4, 0]) {
        await new Promise((done) => {
            const begun = performance.now();
            s.addEventListener('painted', () => {
                s.painter.gl?.finish?.();
                times.push(performance.now() - begun);
                setTimeout(done, 300);
            }, { once: true });
            slider.value = value;
            slider.dispatchEvent(new Event('input'));
        });
    }
    return times;
}"""
SCROLL = """async (seconds) => {
    const e = document.getElementById('grid'), since = new Map(), began = performance.now();
    let longest = 0, seen = new Set(), slow = 0;
    for (;;) {
        await new Promise((done) => requestAnimationFrame(done));
        const now = performance.now(), box = e.getBoundingClientRect(), inSight = new Set();
        for (const cell of e.querySelectorAll('.cell')) {
            const at = cell.getBoundingClientRect();
            if (at.bottom <= box.top || at.top >= box.bottom) continue;
            const n = cell.dataset.at, image = cell.querySelector('img');
            inSight.add(n);
            seen.add(n);
            if (image.complete && image.naturalWidth) {
                if (since.has(n)) longest = Math.max(longest, now - since.get(n));
                if (since.has(n) && now - since.get(n) > 500) slow++;
                since.delete(n);
            } else if (!since.has(n)) since.set(n, now);
        }
        for (const [n, at] of since) if (!inSight.has(n)) { longest = Math.max(longest, now - at); since.delete(n); }
        if (now - began > 1000 * seconds && !since.size) break;
        if (now - began <= 1000 * seconds) e.scrollTop = (now - began) * 1.5;
        if (now - began > 1000 * seconds + 60000) { longest = Infinity; break; }
    }
    return { longest, slow, seen: seen.size };
}"""


@contextmanager
def served(path: Path, begun: float) -> Iterator[tuple[str, int]]:
    """The page's address and the server's process, of `rawinlay view`."""
    process = subprocess.Popen([sys.executable, "-m", "rawinlay", "view", str(path), "--no-browser", "--json"],
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        text = ""
        assert process.stdout is not None
        while not text.rstrip().endswith("}"):
            text += process.stdout.readline()
        yield json.loads(text)["address"], process.pid
    finally:
        process.terminate()
        process.wait()


def peak(pid: int) -> int:
    """Bytes of memory that a process has had at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) << 10


def spent(pid: int) -> float:
    """Seconds of the processor that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def until(page: Any, wanted: str, begun: float) -> float:
    """Seconds since `begun` when something is so in the page."""
    while not page.evaluate(f"Boolean({wanted})"):
        if time.monotonic() - begun > PATIENCE:
            raise TimeoutError(wanted)
        time.sleep(0.01)
    return time.monotonic() - begun


def one_photograph(browser: Any, path: Path) -> dict[str, Any]:
    """From the command to the picture, then a pan at 100 % and an edit by WebGL and by the processor."""
    told: dict[str, Any] = {}
    page = browser.new_page(viewport=SIZE)
    begun = time.monotonic()
    with served(path, begun) as (address, pid):
        told["server_s"] = time.monotonic() - begun
        for query, name in (("", "webgl"), ("?paint=cpu", "cpu")):
            if query:
                page = browser.new_page(viewport=SIZE)
            page.goto(f"{address}{query}#{path.name}", wait_until="commit")
            if not query:
                told["first_picture_s"] = until(page, JPEG, begun)
                told["raw_s"] = until(page, RAW, begun)
                told["raw_whole_s"] = until(page, WHOLE, begun)
                told["server_cpu_s"] = spent(pid)
            until(page, WHOLE, begun)
            page.wait_for_timeout(500)
            told[f"edit_{name}_ms"] = page.evaluate(EDIT)
            if not query:
                page.keyboard.press("1")
                until(page, "rawinlay.stage.parts.get('raw')?.detail != null", begun)
                told["pan_ms"] = page.evaluate(PAN)
            page.close()
        told["server_peak_bytes"] = peak(pid)
    return told


def many(browser: Any, folder: Path, count: int, seconds: float = 15.0) -> dict[str, Any]:
    """A folder of so many JPEGs, scrolled through at 1,500 pixels a second."""
    noise = np.random.default_rng(1)
    for n in range(count):
        if n < 24:
            picture = Image.fromarray(noise.integers(0, 256, (60, 80, 3), dtype=np.uint8)).resize((1600, 1200))
            picture.save(folder / f"IMG_{n:05d}.jpg", quality=85)
        else:
            shutil.copyfile(folder / f"IMG_{n % 24:05d}.jpg", folder / f"IMG_{n:05d}.jpg")
    begun = time.monotonic()
    with served(folder, begun) as (address, pid):
        page = browser.new_page(viewport=SIZE)
        page.goto(address)
        told = {"folder_first_s": until(page, "document.querySelector('#grid img')?.naturalWidth > 0", begun)}
        found = page.evaluate(SCROLL, seconds)
        told |= {"files": count, "longest_blank_ms": found["longest"], "blank_over_500_ms": found["slow"],
                 "cells_seen": found["seen"], "server_peak_bytes": peak(pid)}  # fmt: skip
        page.close()
    return told


def main() -> int:
    """Measure, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("carrier", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--count", type=int, default=5000, help="of files in the folder; 0 for none")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    told: dict[str, Any] = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as folder, chromium() as browser:
        carrier = Path(shutil.copy(args.carrier, alone))
        with Image.open(carrier) as image:
            told["megapixels"] = image.width * image.height / 1e6
        runs = [one_photograph(browser, carrier) for _ in range(args.runs)]
        for name in runs[0] if runs else ():
            values = [run[name] for run in runs]
            every = [v for one in values for v in one] if isinstance(values[0], list) else values
            told[name] = statistics.median(every)
            told[f"{name}_all"] = values
        if args.count:
            told["folder"] = many(browser, Path(folder), args.count)
    text = json.dumps(told, indent=1)
    if args.out:
        args.out.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
