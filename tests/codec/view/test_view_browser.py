"""The page in a headless Chromium: what it paints is what `develop` gives, by clicks and by keys."""

import base64
import io
import threading
import time

import numpy as np
import photographs
import pytest
from browsers import chromium
from PIL import Image
from rawinlay.codec import api
from rawinlay.codec.develop import develop
from rawinlay.codec.isp.settings import Settings
from rawinlay.codec.view import first_look
from rawinlay.codec.view.desk import Desk
from rawinlay.codec.view.folder import Folder
from rawinlay.codec.view.server import Server
from rawinlay.codec.view.tiles import Tiles
from raws import slow

PATIENCE = 120.0  # seconds, for machines with other things to do
SLOW = "GPU stall due to ReadPixels"
"""What a software renderer says of the histogram."""

EDIT = {"exposure": 0.6, "temperature": 6500.0, "tint": 12.0, "contrast": 25.0, "highlights": -50.0, "shadows": 60.0,
        "saturation": 20.0}  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def site(tmp_path):
    folder = photographs.write(tmp_path)
    desk = Desk(Folder(folder))
    server = Server(desk.route)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server, folder
    server.shutdown()
    server.server_close()
    desk.close()


class Page:
    """The page of a server; it may say nothing on the console and ask nobody else for anything.

    refused: statuses of answers that the test provokes. The browser tells of each on the console, whenever it likes:
    of a file that is gone of its thumbnails too, after the page has said so.
    """

    def __init__(self, browser, server, name="", query="", refused=(), **context):
        self.complaints, self.refused = [], [f"the server responded with a status of {status} " for status in refused]
        self.page = browser.new_page(**({"viewport": {"width": 1100, "height": 760}} | context))
        self.page.set_default_timeout(1000 * PATIENCE)
        self.page.on("console", lambda message: SLOW in message.text or self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: request.url.startswith((server.address, "blob:", "data:"))
                     or self.complaints.append(f"asked for {request.url}"))  # fmt: skip
        self.page.goto(server.address + query + "#" + name)
        if name:
            self.wait("rawinlay.state.facts != null && rawinlay.stage.parts.get('jpeg')?.overview != null")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.page.close()
        if kind is None:
            assert not [one for one in self.complaints if not any(said in one for said in self.refused)]

    def get(self, expression):
        return self.page.evaluate(expression)

    def wait(self, expression):
        """Until it is so. The page's policy forbids Playwright's own way of waiting for it."""
        end = time.monotonic() + PATIENCE
        while not self.get(f"Boolean({expression})"):
            assert time.monotonic() < end, expression
            time.sleep(0.02)

    def developed(self):
        self.wait("rawinlay.state.developer != null && rawinlay.stage.parts.get('raw')?.overview != null")

    def slide(self, name, value):
        self.page.locator(f"#slider-{name}").evaluate(
            f"(e) => {{ e.value = {value}; e.dispatchEvent(new Event('input')); }}"
        )

    def pixels(self, scale):
        """The right side alone at a whole scale, uint8 (h, w, 3): the canvas's own pixels."""
        self.get(f"(rawinlay.stage.mode = 'right', rawinlay.stage.centre({{x: 0, y: 0}}, {scale}))")
        self.wait("!rawinlay.stage.moving && document.getElementById('busy').hidden")
        data = self.get("""() => { const s = rawinlay.stage; s.paint(); return s.canvas.toDataURL('image/png'); }""")
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB"))
        view = self.get("({...rawinlay.stage.view, ...rawinlay.stage.picture})")
        left, top = round(-view["x"] * scale), round(-view["y"] * scale)
        return picture[top : top + view["height"] * scale, left : left + view["width"] * scale][::scale, ::scale]


@pytest.mark.parametrize("query", ["", "?paint=cpu"])
def test_the_picture_is_the_developers(browser, site, query):
    """As shot and under every slider at once, at 100 %, turned too; by WebGL and by the processor."""
    server, folder = site
    with Page(browser, server, photographs.TURNED, query) as page:
        page.developed()
        assert page.get("rawinlay.stage.painter.name") == ("processor" if query else "WebGL")
        for settings in ({}, EDIT):
            for name, value in settings.items():
                page.slide(name, value)
            light = "undefined" if not settings else settings["temperature"]
            page.wait(f"rawinlay.stage.extra.raw?.temperature == {light}")
            page.wait("rawinlay.stage.parts.get('raw')?.overview != null")
            found, wanted = page.pixels(2), develop(folder / photographs.TURNED, Settings(**settings)).picture
            assert found.shape == wanted.shape
            apart = np.abs(found.astype(int) - wanted)
            assert apart.mean() < 0.25 and np.abs((found.astype(float) - wanted).mean((0, 1))).max() < 0.1
            assert np.quantile(apart, 0.999) <= 4


def test_a_look_round_by_keys(browser, site):
    """From the folder to a photograph and through it, without a pointer; at a phone's width nothing is cut off."""
    server, folder = site
    with Page(browser, server, viewport={"width": 380, "height": 740}) as page:
        keys = page.page.keyboard
        page.wait("document.querySelectorAll('#grid .cell').length == 5")
        assert page.get("document.activeElement.closest('#grid') != null")
        for key in ("ArrowRight", "Home", "ArrowRight", "Enter"):  # IMG_1-raw.jpg comes first, IMG_1.dng behind it
            keys.press(key)
        page.wait("rawinlay.state.file?.name == 'IMG_1.dng'")
        keys.press("Escape")
        keys.press("Home")
        keys.press("Enter")
        page.developed()
        assert page.get("document.documentElement.scrollWidth <= 380")
        keys.press("d")
        assert page.get("rawinlay.stage.mode") == "difference"
        keys.press("s")
        keys.press("]")
        assert page.get("rawinlay.stage.split") == pytest.approx(0.52)
        keys.press("2")
        assert page.get("rawinlay.stage.scale") == 2
        for _ in range(4):
            keys.press("+")
        before = page.get("rawinlay.stage.view.x")
        keys.press("ArrowLeft")
        assert page.get("rawinlay.stage.view.x") < before
        page.page.locator("#slider-exposure").focus()
        keys.press("ArrowRight")
        assert page.get("rawinlay.sliders.settings.exposure") == pytest.approx(0.05)
        keys.press("Control+s")
        page.wait("document.getElementById('say').textContent == 'Settings kept in IMG_1-raw.xmp'")
        assert "Exposure2012" in (folder / "IMG_1-raw.xmp").read_text()
        keys.press("Control+z")
        assert page.get("rawinlay.sliders.settings.exposure") == 0
        unnamed = """[...document.querySelectorAll('button, input, select, [role=slider]')].filter((e) =>
            e.checkVisibility() && !e.getAttribute('aria-label') && !e.textContent.trim() && !e.labels?.length)"""
        assert page.get(unnamed + ".length") == 0


def test_the_first_look_makes_way_for_the_raw(browser, site, monkeypatch):
    """While tiles are decoded, what the recipe says of the RAW is developed; it says what it is, and goes."""
    server, _ = site
    ready, decode = threading.Event(), Tiles._decode
    monkeypatch.setattr(Tiles, "_decode", lambda self, box: ready.wait(PATIENCE) and decode(self, box))
    monkeypatch.setattr(first_look, "LARGE", 0)
    try:
        with Page(browser, server, photographs.TURNED) as page:
            page.wait("rawinlay.state.first && rawinlay.stage.parts.get('raw')?.overview != null")
            named = "getComputedStyle(document.getElementById('right-name'), '::after').content"
            assert "first look" in page.get(named)
            ready.set()
            page.wait("rawinlay.state.missing.size == 0 && !rawinlay.state.first")
            assert page.get("rawinlay.state.developer != null") and "first look" not in page.get(named)
    finally:
        ready.set()


def test_errors_and_exports_by_clicks(browser, site):
    """A damaged file, one that is gone, an export that asks before it replaces, and the way back."""
    server, folder = site
    with Page(browser, server, photographs.DAMAGED, refused=(409, 422)) as page:
        page.wait("!document.getElementById('trouble').hidden")
        assert "can't be decoded" in page.page.inner_text("#trouble")
        (folder / photographs.PLAIN).unlink()
        page.page.click(f'#strip [aria-label^="{photographs.PLAIN}"]')
        page.wait("document.getElementById('trouble').textContent == 'IMG_3.jpg is no longer there.'")
        page.page.click(f'#strip [aria-label^="{photographs.TURNED}"]')
        page.developed()
        page.page.click("#tab-export")
        page.page.select_option("#act", "strip")
        page.page.fill("#output", "IMG_5.jpg")
        (folder / "IMG_5.jpg").write_bytes(b"of somebody else")
        page.page.click("#export button.main")
        page.page.click("#ask button[value=no]")
        assert (folder / "IMG_5.jpg").read_bytes() == b"of somebody else"
        page.page.click("#export button.main")
        page.page.click("#ask button[value=yes]")
        page.wait("document.querySelector('.job.done') != null")
        assert (folder / "IMG_5.jpg").read_bytes() == api.strip(folder / photographs.TURNED)
        page.page.click(".job.done button")
        page.wait("document.querySelector('.job p').textContent == 'IMG_5.jpg is as it was before'")
        assert (folder / "IMG_5.jpg").read_bytes() == b"of somebody else"


@slow
@pytest.mark.slow
def test_rates_are_tried_before_they_are_written(browser, site):
    """Trimming and encoding: what is seen is what is written."""
    server, folder = site
    with Page(browser, server, photographs.TRIMMABLE) as page:
        page.developed()
        page.page.click("#tab-rate")
        page.page.locator("#trim-rate").evaluate("(e) => { e.value = 300; e.dispatchEvent(new Event('input')); }")
        page.wait("rawinlay.stage.parts.get('trimmed')?.overview != null")
        page.page.click("#trim-write")
        page.wait("document.querySelector('.job.done') != null")
        assert api.info(folder / "IMG_1-raw.trimmed.jpg").lossless is False
        page.page.click("#measure")
        page.wait("/PSNR[0-9.]+ dB/.test(document.getElementById('measured').textContent)")
    with Page(browser, server, photographs.RAW) as page:
        page.developed()
        page.page.click("#tab-rate")
        page.page.select_option("#trial-unit", "bpp")
        page.page.locator("#trial-quality").evaluate("(e) => { e.value = 70; }")
        page.page.click("#trial-start")
        page.wait("rawinlay.stage.parts.get('trial')?.overview != null")
        wanted = page.get("rawinlay.stage.extra.trial.bpp")
        assert 1 < wanted < 3
        page.page.click("#trial-encode")
        page.wait("document.querySelector('.job.done') != null")
        made = api.info(folder / "IMG_1.raw.jpg")
        assert made.intact and made.bpp <= wanted
