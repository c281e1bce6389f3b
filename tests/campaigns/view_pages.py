"""The pictures of docs/view.md: the page of `rawinlay view`, driven by a real browser and looked at.

    python -m tests.campaigns.view_pages [--folder DIR] [--out docs/images]

Without --folder the photographs are made of the bundled one. --times also tells how long things took.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from browsers import chromium
from PIL import Image
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.codec.api import encode_arrays
from rawinlay.codec.simulator import simulate, to_scene
from rawinlay.codec.simulator.photo import bundled_photo
from rawinlay.codec.view.desk import Desk
from rawinlay.codec.view.folder import Folder
from rawinlay.codec.view.server import Server

DOCS = Path(__file__).parents[2] / "docs" / "images"
PATIENCE = 300.0
ENLARGED = 4
"""The bundled photograph is small: it is enlarged before a camera sees it."""


def write_photographs(folder: Path) -> None:
    """Some photographs from pieces of the bundled one: RAWs, carriers at several rates, one damaged, one without."""
    whole = Image.fromarray(bundled_photo())
    large = np.asarray(whole.resize((whole.width * ENLARGED, whole.height * ENLARGED), Image.Resampling.LANCZOS))
    height, width = large.shape[:2]
    for n, (top, left, rate) in enumerate((
        (0.1, 0.15, {"quality": 60}), (0, 0.3, {"lossless": True, "trimmable": True}), (0.3, 0.1, {"bpp": 0.4}),
        (0.3, 0.3, {"bpp": 1.5}), (0.2, 0, {"quality": 55}),
    )):  # fmt: skip
        part = large[int(top * height) :, int(left * width) :][: int(0.7 * height), : int(0.7 * width)]
        settings = {"odd_size": False, "distortion": 0.0, "iso": 200, "median": 0.25, "orientation": 1}
        taken = simulate(to_scene(part, np.random.default_rng(1)), 2, **settings)
        carrier = encode_arrays(taken.raw, taken.jpeg, effort=1, **rate).jpeg
        (folder / f"IMG_{n + 1}-raw.jpg").write_bytes(carrier)
        if n == 1:
            (folder / "IMG_2.dng").write_bytes(write_dng(taken.raw, taken.jpeg))
        if n == 2:
            (folder / "IMG_6.jpg").write_bytes(taken.jpeg)
            hurt = bytearray(carrier)
            at = hurt.index(b"jumb") + 2000
            hurt[at : at + 3000] = bytes(3000)
            (folder / "IMG_7-raw.jpg").write_bytes(hurt)


def until(page: object, wanted: str) -> float:
    """Seconds until something is so in the page."""
    begun = time.monotonic()
    while not page.evaluate(f"Boolean({wanted})"):  # type: ignore[attr-defined]
        if time.monotonic() - begun > PATIENCE:
            raise TimeoutError(wanted)
        time.sleep(0.02)
    return time.monotonic() - begun


READY = "rawinlay.state.developer != null && rawinlay.stage.parts.get('raw')?.overview != null"
CALM = "document.getElementById('busy').hidden && !rawinlay.stage.moving"


def slide(page: object, name: str, value: float) -> None:
    """Move a slider as a hand does."""
    page.locator(f"#{name}").evaluate(f"(e) => {{ e.value = {value}; e.dispatchEvent(new Event('input')); }}")  # type: ignore[attr-defined]


def main() -> int:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path, default=DOCS)
    parser.add_argument("--times", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, chromium() as browser:
        folder = args.folder or Path(made)
        if args.folder is None:
            write_photographs(folder)
        desk = Desk(Folder(folder))
        server = Server(desk.route)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def taken(name: str, size: tuple[int, int], work: Callable[[object], None], first: str = "") -> None:
            page = browser.new_page(viewport={"width": size[0], "height": size[1]})
            begun = time.monotonic()
            page.goto(server.address + "#" + first)
            if first:
                until(page, "window.rawinlay?.stage.parts.get('jpeg')?.overview != null")
                shown = time.monotonic() - begun
                until(page, READY)
                if args.times:
                    print(f"{name}: JPEG {shown:.2f} s, RAW {time.monotonic() - begun:.2f} s")
            work(page)
            until(page, CALM)
            time.sleep(0.3)
            picture = Image.open(io.BytesIO(page.screenshot()))
            picture.convert("RGB").save(args.out / f"{name}.jpg", quality=85, optimize=True)
            page.close()

        def edited(page: object) -> None:
            for name, value in (("exposure", 0.4), ("shadows", 45), ("highlights", -30), ("saturation", 15)):
                slide(page, f"slider-{name}", value)

        def at_a_rate(page: object) -> None:
            page.keyboard.press("1")  # type: ignore[attr-defined]
            page.click("#tab-rate")  # type: ignore[attr-defined]
            slide(page, "trim-rate", 250)
            until(page, "rawinlay.stage.parts.get('trimmed')?.overview != null")
            page.click("#measure")  # type: ignore[attr-defined]
            until(page, "document.querySelectorAll('#measured dt').length > 2")

        carriers = sorted(p.name for p in folder.glob("*-raw.jpg"))
        args.out.mkdir(parents=True, exist_ok=True)
        taken("view", (1280, 800), edited, carriers[0])
        if args.folder is None:
            taken("view-rate", (1280, 800), at_a_rate, "IMG_2-raw.jpg")
        taken("view-phone", (380, 780), edited, carriers[0])
        taken("view-folder", (1000, 640), lambda page: until(page, FULL))
        server.shutdown()
        desk.close()
    return 0


FULL = ("document.querySelectorAll('#grid img').length > 0 && "
        "[...document.querySelectorAll('#grid img')].every((i) => i.complete && i.naturalWidth) && "
        "rawinlay.state.files.every((f) => f.kind === 'raw' || f.mark)")  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
