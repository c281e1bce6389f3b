"""The report's figures, its text, and what it makes of strange input; its looks: test_report_browser.py."""

import json
import math
from html.parser import HTMLParser

import pytest
import results_folder
from results_folder import NASTY, row

pytest.importorskip("jinja2", reason="the bench extra is not installed")
pytest.importorskip("bjontegaard", reason="the bench extra is not installed")
pytest.importorskip("matplotlib", reason="the bench extra is not installed")
from rawinlay.benchmarks.commands import bench_command
from rawinlay.benchmarks.html import chart, gallery, make, means, published
from rawinlay.benchmarks.html.checked import checked, short
from rawinlay.benchmarks.html.losses import verdict
from rawinlay.benchmarks.html.measures import MEASURES, PSNR
from rawinlay.benchmarks.html.plot import plot
from rawinlay.benchmarks.html.results import Results
from rawinlay.benchmarks.html.text import markdown, plain
from rawinlay.codec.cli import main as command_line

MEASURE = {measure.name: measure for measure in MEASURES}


@pytest.fixture
def main(monkeypatch):
    """The command line with this checkout's `bench`, whichever version is installed."""
    monkeypatch.setattr(command_line, "commands", lambda wanted=None: {"bench": bench_command})
    return command_line.main


def ours(*points, file="a.nef", guide="libraw"):
    return [row(file, guide, "rawinlay", f"bpp={bpp:g}", bpp, psnr) for bpp, psnr in points]


def peer(*points, file="a.nef", guide="", codec="peer"):
    return [row(file, guide, codec, f"q={bpp:g}", bpp, psnr) for bpp, psnr in points]


def lost(rows, measure=PSNR):
    found = verdict(Results(checked(rows)), measure)
    return [(loss.peer, loss.bpp, loss.by) for loss in found.losses], found.compared, found.uncompared


def test_a_loss_is_how_far_a_peers_curve_lies_above_our_point():
    rows = ours((0.1, 40.0), (0.4, 44.0), (1.6, 48.0)) + peer((0.1, 38.0), (0.4, 44.5), (1.6, 51.0))
    assert lost(rows) == ([("peer", 1.6, 3.0), ("peer", 0.4, 0.5)], 3, 0)


def test_between_points_the_peers_curve_is_interpolated():
    found, _, _ = lost(ours((0.2, 40.0)) + peer((0.1, 40.0), (0.4, 44.0)))
    assert found == [("peer", 0.2, pytest.approx(2.0, abs=0.3))]


def test_a_peer_without_points_so_small_is_not_compared_and_that_is_said():
    assert lost(ours((0.1, 40.0), (0.4, 44.0)) + peer((0.3, 60.0), (0.5, 70.0)))[1:] == (1, 1)


def test_a_peer_that_ends_earlier_with_more_quality_wins():
    found, _, _ = lost(ours((3.0, 44.0)) + peer((0.1, 40.0), (0.4, 45.0)))
    assert found == [("peer", 3.0, 1.0)]
    assert lost(ours((3.0, 44.0)) + peer((0.5, 46.0)))[0] == [("peer", 3.0, 2.0)]  # a single point


def test_lossless_peers_win_where_they_need_no_more_bytes():
    rows = [*ours((0.4, 44.0), (3.0, 60.0), (3.5, None)), row("a.nef", "", "exact", "lossless", 2.9, None)]
    found, compared, uncompared = lost(rows)
    assert [(name, bpp) for name, bpp, _ in found] == [("exact", 3.0), ("exact", 3.5)]
    assert math.isinf(found[0][2]) and math.isnan(found[1][2])
    assert (compared, uncompared) == (2, 1)


def test_only_the_same_file_and_guide_are_compared():
    rows = ours((0.4, 40.0)) + peer((0.1, 50.0), (0.8, 55.0), guide="darktable", codec="guided")
    rows += peer((0.1, 50.0), (0.8, 55.0), file="b.nef")
    assert lost(rows) == ([], 0, 0)


def test_what_is_better_when_small_is_compared_so():
    ciede = MEASURE["edits-as_shot-ciede2000"]
    rows = ours((0.4, 50.0)) + peer((0.1, 44.0), (0.4, 56.0), (0.8, 60.0))
    assert lost(rows, ciede)[0] == [("peer", 0.4, pytest.approx(0.5))]  # 1.0 against 0.5
    assert not lost(ours((0.4, 58.0)) + peer((0.1, 44.0), (0.4, 56.0), (0.8, 60.0)), ciede)[0]


def test_means_stand_on_the_files_that_reach_the_rate():
    rows = ours((0.1, 40.0), (1.5, 50.0)) + ours((0.1, 44.0), (0.4, 46.0), file="b.nef")
    found = means.means(Results(checked(rows)), "libraw", "rawinlay", (0.1, 1.5))["psnr"]
    assert found == [(pytest.approx(42.0), 2), (pytest.approx(50.0), 1)]


def test_order_of_codecs_and_what_is_missing():
    rows = ours((0.1, 40.0)) + peer((0.1, 40.0)) + peer((0.1, 40.0), guide="libraw", codec="zz", file="b.nef")
    rows += peer((0.1, 39.0), guide="libraw", codec="trunk")
    found = Results(checked(rows))
    assert found.codecs == ["rawinlay", "trunk", "zz", "peer"]
    assert set(found.missing()) == {
        ("b.nef", "libraw", "rawinlay"), ("b.nef", "libraw", "trunk"), ("a.nef", "libraw", "zz"),
        ("b.nef", "", "peer"),
    }  # fmt: skip


def test_damaged_rows_become_failures_that_tell_why():
    rows = {found["codec"]: found for found in checked(results_folder.nasty_rows())}
    reasons = {name: found["error"] for name, found in rows.items() if name.startswith("wrong")}
    assert [reasons[f"wrong-{k}"].removeprefix("the row is damaged: ") for k in range(6)] == [
        *["bpp is no number above 0"] * 3, "psnr is neither a number nor null",
        "identical is neither true nor false", "the setting asks for no rate",
    ]  # fmt: skip
    odd = rows["odd"]
    assert odd["psnr"] == 40.0 and odd["edits"] == {"curve": {}} and odd["encode"] == {} and odd["camera"] == "9"
    assert not {"error", "decode", "versions", "bytes", "pixels", "ssim", "max_error"} & odd.keys()


def test_texts_are_cut_and_have_no_control_characters():
    assert short("a\x00b\x1b[31m\nc\u202ed") == "a b [31m c d"
    assert len(short("x" * 10_000)) < 600 and short({"a": 1}) == '{"a": 1}'


class Reader(HTMLParser):
    """Collects a page's sections in order, its elements, and all text outside of scripts."""

    def __init__(self, page):
        super().__init__()
        self.sections, self.tags, self.attributes, self.text, self.skip = [], [], [], "", False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.skip = tag in ("script", "style")
        if tag == "section":
            self.sections.append(dict(attrs)["id"])

    def handle_endtag(self, tag):
        self.skip = False

    def handle_data(self, data):
        self.text += "" if self.skip else data


@pytest.fixture
def folder(tmp_path):
    rows = results_folder.rows()
    results_folder.write_rows(tmp_path, rows)
    results_folder.write_pictures(tmp_path, rows, (32, 24))
    return tmp_path


def test_the_page_says_losses_first_and_everything_else_in_order(main, folder, capsys):
    assert main(["bench", "report", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["written"] == ["report.html", "report.md", "curves.png"] and told["failures"] == 2
    page = Reader((folder / "report.html").read_text(encoding="utf-8"))
    assert page.sections == [
        "losses", "summary", "curves", "files", "measures", "costs", "slider-section", "errors", "bits", "codecs",
        "gaps", "origin",
    ]  # fmt: skip
    assert f"a peer is better in {told['losses']} of {told['comparisons']} comparisons" in page.text
    for text in (
        "20,000 steps of 3,000,000 asked for", f"Unavailable: no weights {NASTY}", "cam: no row for 5 combinations",
        "rawinlay bench rd --raw DIR --out results", "Made-up CPU", "0123456789ab", "numpy 2.4.6", "strong tone curve",
    ):  # fmt: skip
        assert text in page.text, text
    assert (folder / "curves.png").read_bytes()[:4] == b"\x89PNG"
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert text.index("## Where a peer is better") < text.index("gamma.dng, libraw, trunk") < text.index("## Against")


def test_the_published_protocol_stands_apart_and_is_labelled(folder):
    results_folder.write_protocol(folder)
    made = (make.make(folder), (folder / "report.html").read_text(encoding="utf-8"))[1]
    text = Reader(made).text
    assert "OTHER DATA: <b>made up</b>" in text and "Camera <A>, dB" in text and "measured, other data" in text
    assert "0.0199" in text and "56.25" in text
    for damaged in ("{", "[]", '{"note": 1, "published": [3], "measured": []}', "[" * 100_000):
        (folder / "protocol.json").write_text(damaged)
        assert isinstance(published.load(folder), str)


def test_outputs_are_replaced_only_with_force(main, folder, capsys):
    assert main(["bench", "report", str(folder)]) == 0
    assert main(["bench", "report", str(folder)]) == 2
    assert "exists already: --force replaces it" in capsys.readouterr().err
    assert main(["bench", "report", str(folder), "--force"]) == 0


@pytest.mark.parametrize("content", [None, b"", b"{}\n{}\n", b"[1]\n[2]\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n\n"])
def test_results_that_are_none_are_one_line_and_exit_3(main, tmp_path, capsys, content):
    if content is not None:
        (tmp_path / "rows.jsonl").write_bytes(content)
    assert main(["bench", "report", str(tmp_path)]) == 3
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "report.html").exists()


def test_hostile_rows_stay_text(tmp_path):
    results_folder.write_rows(tmp_path, [*results_folder.rows(), *results_folder.nasty_rows()])
    make.make(tmp_path)
    page = Reader((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.tags.count("script") == 1 and "img" not in page.tags  # there are no pictures
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert page.text.count(NASTY) > 20
    assert "<" not in (tmp_path / "report.md").read_text(encoding="utf-8").replace("\\<", "")


def test_pictures_are_found_but_none_outside_the_folder(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    results_folder.write_pictures(outside, results_folder.rows()[:1], (32, 24))
    secret = outside / "pictures" / "alpha" / "true.png"
    rows = [
        row("alpha.nef", "", "..", "..", 0.4, 40.0), row("../../x.nef", "..", "/", "..", 0.4, 40.0),
        row("linked.nef", "libraw", "rawinlay", "bpp=0.4", 0.4, 40.0),
    ]  # fmt: skip
    (folder / "pictures" / "linked").mkdir()
    (folder / "pictures" / "linked" / "true.png").symlink_to(secret)
    found = gallery.find(folder, Results(checked([*results_folder.rows(), *rows])))
    assert set(found.true) == set(results_folder.FILES)
    assert {shot.point.file for shot in found.shots} == set(results_folder.FILES) and not found.broken
    picture = found.true["beta & co.dng"]
    assert picture == gallery.Picture("pictures/beta%20%26%20co/true.png", 32, 24)
    assert found.count == len(list((folder / "pictures").rglob("*.png"))) - 1


def test_a_damaged_picture_is_told_and_left_out(folder):
    (folder / "pictures" / "alpha" / "true.png").write_bytes(b"\x89PNG\r\n\x1a\n no")
    made = make.make(folder)
    assert made["broken_pictures"] == ["alpha/true.png"]
    assert "alpha/true.png" in Reader((folder / "report.html").read_text(encoding="utf-8")).text


def test_earlier_rows_stand_as_the_trunk_where_both_measured(folder, tmp_path_factory):
    rows = [found for found in results_folder.rows() if found["codec"] != "trunk"]
    earlier = [r | {"bpp": 2 * r["bpp"], "commit": "older"} for r in rows if "bpp" in r and r["setting"] != "bpp=0.8"]
    found = make.as_trunk(checked(earlier), checked(rows))
    assert {r["codec"] for r in found} == {"trunk"} and {r["commit"] for r in found} == {"older"}
    assert len(found) == len([r for r in earlier if r["codec"] == "rawinlay"])
    assert make.as_trunk(checked(earlier), checked(results_folder.rows())) == []  # there are some already


def test_marks_lie_where_the_values_are():
    found = Results(checked(ours((0.1, 40.0), (0.8, 50.0))))
    ax = chart.Axes(0.05, 1.6, 40.0, 60.0)
    drawn = str(chart.draw(found.series("a.nef", "libraw"), found.codecs, PSNR, ax, "title"))
    left, top, width, height = chart.PLOT
    x, y = left + width / 5 * 4, top + height / 2
    assert f'<circle cx="{x:.1f}" cy="{y:.1f}"' in drawn  # 0.8 is four of five octaves up, 50 half way
    assert "rawinlay bpp=0.8: 0.800 bpp, 50.00 dB" in drawn


def test_markup_in_markdown_is_text():
    assert plain("a|b *c* <d> `e` [f](g)") == r"a\|b \*c\* &lt;d&gt; \`e\` \[f\](g)"


def test_one_file_without_peers_still_makes_everything(tmp_path):
    for rows in (ours((0.1, 40.0)), peer((0.1, 40.0)), [row("a", "g", "rawinlay", "bpp=1", 1.0, 40.0, error="no")]):
        found = Results(checked(rows))
        assert plot(found)[:4] == b"\x89PNG"
        results_folder.write_rows(tmp_path, rows)
        make.make(tmp_path, force=True)
        assert (
            markdown.__module__ and "Nothing of rawinlay stands beside a peer" in (tmp_path / "report.md").read_text()
        )
