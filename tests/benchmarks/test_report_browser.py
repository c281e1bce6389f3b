"""The report in a real browser: no error, all pictures load, the slider moves, the curves can be switched, it fits."""

import io
import json
import shutil
from contextlib import contextmanager

import numpy as np
import pytest
import results_folder
from browsers import PATIENCE, chromium
from PIL import Image
from raws import long

pytest.importorskip("jinja2", reason="the bench extra is not installed")
pytest.importorskip("bjontegaard", reason="the bench extra is not installed")
make = pytest.importorskip("rawinlay.benchmarks.html.make", reason="the bench extra is not installed")

SIZE = 320, 240  # of the pictures


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results with pictures and hostile names, and their report."""
    made = tmp_path_factory.mktemp("a folder & more")
    rows = results_folder.rows()
    results_folder.write_rows(made, [*rows, *results_folder.nasty_rows()])
    results_folder.write_pictures(made, rows, SIZE)
    make.make(made)
    return made


@contextmanager
def opened(browser, folder, **context):
    """The report in a page of its own; nothing may be said on the console, or asked for outside the folder."""
    complaints = []
    with browser.new_context(**({"viewport": {"width": 1200, "height": 900}} | context)) as made:
        made.set_default_timeout(PATIENCE)
        page = made.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        page.on("dialog", lambda dialog: complaints.append("a dialog"))
        root = folder.as_uri() + "/"
        page.on("request", lambda r: r.url.startswith((root, "data:")) or complaints.append(f"asked for {r.url}"))
        page.goto((folder / "report.html").as_uri())
        yield page
        assert not complaints


def pixels(page, element):
    """A screenshot of an element, uint8 (H, W, 3); the browser puts pictures on whole pixels."""
    box = {name: round(value) for name, value in element.bounding_box().items()}
    return np.asarray(Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB"))


def opened_picture(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_all_images_load_and_nothing_complains(browser, folder):
    with opened(browser, folder) as page:
        count = page.evaluate("""async () => {
            document.querySelectorAll("details").forEach((d) => { d.open = true; });
            const images = [...document.images];
            images.forEach((i) => { i.loading = "eager"; });
            await Promise.all(images.map((i) => i.decode()));
            if (images.some((i) => i.naturalWidth === 0)) throw new Error("an image of no width");
            return images.length;
        }""")
        # every map stands in the page once, besides the two pictures of the slider
        maps = [path for path in (folder / "pictures").rglob("*.png") if path.name in ("error.png", "bits.png")]
        assert count == len(maps) + 2 > 50


def test_hostile_text_is_only_text(browser, folder):
    with opened(browser, folder) as page:
        assert page.title() == "rawinlay: rate-distortion benchmark"
        assert results_folder.NASTY in page.inner_text("#codecs")
        assert page.evaluate("document.querySelectorAll('img[onerror], [src=x]').length") == 0
        assert page.evaluate("document.scripts.length") == 2
        assert "49" not in page.inner_text("#codecs table:first-of-type th:text('onerror')")


@long
def test_the_slider_moves_by_keyboard(browser, folder):
    with opened(browser, folder) as page:
        stage, slider = page.locator("#stage"), page.locator("#slider")
        stage.scroll_into_view_if_needed()
        choices = json.loads(page.text_content("#choices"))
        first = choices[0]
        true = opened_picture(folder / "pictures" / "alpha" / "true.png")
        source = page.get_attribute("#right-image", "src")
        assert source == first["sides"][first["first"]]["src"] and "rawinlay" in source
        decoded = opened_picture(folder / source.replace("%3D", "=").replace("%20", " "))
        inside = np.s_[20:-20, 20:60]  # away from the handle, at either end
        slider.focus()
        page.keyboard.press("End")
        assert np.array_equal(pixels(page, stage)[inside], true[inside])  # pixel for pixel: 100 %
        page.keyboard.press("Home")
        right = np.s_[20:-20, 60:-20]
        assert np.array_equal(pixels(page, stage)[right], decoded[right])
        at = float(slider.input_value())
        page.keyboard.press("ArrowRight")
        page.keyboard.press("PageUp")
        assert float(slider.input_value()) > at + 5
        assert (
            page.evaluate("getComputedStyle(stage).getPropertyValue('--split')")
            == f"{int(slider.input_value()) / 10:g}%"
        )


@long
def test_the_slider_moves_by_pointer(browser, folder):
    with opened(browser, folder) as page:
        stage = page.locator("#stage")
        stage.scroll_into_view_if_needed()
        box = stage.bounding_box()
        assert (box["width"], box["height"]) == SIZE
        y = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + box["width"] / 2, y)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 4, y, steps=4)
        page.mouse.up()
        assert float(page.input_value("#slider")) == pytest.approx(250, abs=40)
        handle = page.locator(".handle").bounding_box()
        assert handle["x"] - box["x"] == pytest.approx(box["width"] / 4, abs=13)


@long
def test_other_pictures_can_be_chosen_and_enlarged(browser, folder):
    with opened(browser, folder) as page:
        page.select_option("#file", label="beta & co.dng")
        assert page.get_attribute("#left-image", "src") == "pictures/beta%20%26%20co/true.png"
        peer = page.locator("#right-side option", has_text="jxl-linear").first
        page.select_option("#right-side", value=peer.get_attribute("value"))
        assert "/blind/jxl-linear/" in page.get_attribute("#right-image", "src")
        assert page.inner_text("#right-caption").startswith("without a guide: jxl-linear")
        page.wait_for_function("document.getElementById('right-image').naturalWidth > 0")
        assert page.locator("#pans").is_hidden()
        page.select_option("#zoom", "2")
        assert page.locator("#pans").is_visible()
        assert page.evaluate("document.getElementById('left-image').getBoundingClientRect().width") == 2 * SIZE[0]
        page.locator("#pan-x").focus()
        page.keyboard.press("End")
        moved = page.evaluate(
            "[stage, document.getElementById('left-image')].map((e) => e.getBoundingClientRect().right)"
        )
        assert moved[0] == pytest.approx(moved[1], abs=1)


@long
def test_curves_can_be_switched_off(browser, folder):
    with opened(browser, folder) as page:
        numbers = page.evaluate(
            "[...document.querySelectorAll('input[data-codec]')].map((b) => b.parentNode.innerText.trim())"
        )
        number = numbers.index("jxl-linear")
        lines = page.locator(f".charts:visible [data-series='{number}'] polyline")
        assert lines.count() and lines.first.is_visible()
        page.uncheck(f"input[data-codec='{number}']")
        assert not any(line.is_visible() for line in lines.all())
        page.click("button[data-boxes=first]")
        drawn = page.evaluate(
            "[...document.querySelectorAll('.series:not(.off)[data-series]')].map((g) => g.dataset.series)"
        )
        assert set(drawn) == {"0"}
        page.click("button[data-boxes=all]")
        assert lines.first.is_visible()


@long
@pytest.mark.parametrize("width", [320, 390, 768, 1600])
def test_it_fits_the_screen(browser, folder, width):
    with opened(browser, folder, viewport={"width": width, "height": 800}) as page:
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def contrast(first, second):
    """WCAG's ratio of two colours as the browser writes them."""
    shades = []
    for text in (first, second):
        rgb = np.array([float(part) for part in text[text.index("(") + 1 : -1].split(",")[:3]]) / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        shades.append(float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05)
    return max(shades) / min(shades)


@long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(browser, folder, scheme):
    with opened(browser, folder, color_scheme=scheme) as page:
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (contrast(ground, "rgb(0,0,0)") < 2) == (scheme == "dark")
        for selector in ("p", "figcaption", "nav a", "td.loss", "thead th", ".note", ".chart text"):
            name = "fill" if selector.startswith(".chart") else "color"
            colour = page.evaluate(f"getComputedStyle(document.querySelector({selector!r})).{name}")
            assert contrast(colour, ground) >= 4.5, selector


@long
def test_without_scripts_all_but_the_slider_is_there(browser, folder):
    with opened(browser, folder, java_script_enabled=False) as page:
        assert page.locator(".chart").first.is_visible()
        assert "needs JavaScript" in page.inner_text("#slider-section")


@long
def test_rows_alone_make_a_page(browser, tmp_path):
    shutil.rmtree(tmp_path / "pictures", ignore_errors=True)
    results_folder.write_rows(tmp_path, results_folder.rows()[:3])
    make.make(tmp_path)
    with opened(browser, tmp_path) as page:
        assert "There are no pictures" in page.inner_text("#slider-section")
        assert page.evaluate("document.images.length") == 0
