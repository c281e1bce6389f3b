"""The benchmark's rows, its resuming, and its report; with known curves and a stand-in for the programs."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from bitstream.errors import InputError, UsageError
from bitstream.raw_image import RawImage
from eval.metrics import Comparison

rd = pytest.importorskip("benchmarks.rd", reason="the bench extra (imagecodecs) is not installed")
from benchmarks import guides, report, rows  # noqa: E402

RATES = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)


def row(codec, bpp, psnr, file="a.nef", guide="libraw", **more):
    setting = f"bpp={bpp:g}" if codec == "rawinlay" else f"distance={1 / bpp:g}"
    guide = guide if codec == "rawinlay" else ""
    head = {"file": file, "camera": "Camera", "guide": guide, "codec": codec, "setting": setting}
    return head | {"bpp": bpp, "psnr": psnr, "commit": "0123", "machine": "a machine", **more}


def known_rows():
    """The linear peer 40 dB + 4 per octave, sqrt 6 dB below, ours 10 dB above but for one point of b.dng."""
    out = []
    for file in ("a.nef", "b.dng"):
        for k in range(-5, 3):
            out.append(row("jxl-linear", 2.0**k, 40 + 4 * k, file))
            out.append(row("jxl-sqrt", 2.0**k, 34 + 4 * k, file))
        out.append(row("jxl-lossless", 7.0, None, file))
        out += [row("rawinlay", rate, 50 + 4 * math.log2(rate), file) for rate in RATES]
    return [*out, row("rawinlay", 3.0, 44.0, "b.dng")]


def test_gains_of_known_curves():
    summary = report.summarise(known_rows())
    first, second = summary.outcomes
    assert [first.gains[name].value for name in ("low", "high")] == pytest.approx([10, 10], abs=0.01)
    assert first.gains["high"].coverage == 1 and not first.losses
    # 10 dB at 4 dB per octave are 2.5 octaves.
    assert first.saved.value == pytest.approx(2**-2.5 - 1, abs=0.002)
    assert second.losses == [(3.0, pytest.approx(40 + 4 * math.log2(3) - 44))]


def test_text_tells_losses_first_and_the_worst():
    failed = row("rawinlay", 0.1, None, guide="darktable", error="exit 3: no")
    text = report.markdown(report.summarise([*known_rows(), failed]))
    loss = text.index("b.dng, libraw: -2.34 dB at 3.000 bpp")
    failure = text.index("a.nef darktable rawinlay bpp=0.1: exit 3: no")
    assert loss < failure < text.index("| file | libraw |")
    assert "| a.nef | +10.0 / +10.0; -82 % |" in text
    assert "| **mean** | +10.0 / " in text and "| worst | +10.0 / " in text
    assert "commit 0123, a machine" in text
    assert "| a.nef | jxl-lossless | 7.000: no error |" in text
    best = next(line for line in text.splitlines() if line.startswith("| a.nef | JPEG XL, better of both"))
    assert "0.100: 26.7; 0.200: 30.7; 0.400: 34.7" in best


def test_half_a_range_is_marked_and_gopro_is_told_apart():
    some = [r for r in known_rows() if r["codec"] != "rawinlay" or r["bpp"] <= 0.3 or r["file"] == "b.dng"]
    some = [r | {"camera": "GoPro HERO"} if r["file"] == "b.dng" else r for r in some]
    text = report.markdown(report.summarise(some))
    assert "| a.nef | +10.0 (35 %) / -;" in text
    assert "| mean without GoPro (stored lossily by the camera) | +10.0 / - |" in text
    assert "(of 1)" in next(line for line in text.splitlines() if line.startswith("| worst"))


def test_a_lossless_peer_of_no_more_bytes_is_a_loss():
    found = [r for r in known_rows() if r["file"] == "a.nef" and r["codec"] != "jxl-lossless"]
    summary = report.summarise([*found, row("jxl-lossless", 2.7, None)])
    assert summary.outcomes[0].losses == [(3.0, math.inf)]
    assert "a.nef, libraw: JPEG XL is lossless with no more bytes than ours at 3.000 bpp" in report.markdown(summary)


def test_targets_exceeded_or_missed_are_named():
    measured = [("bpp=0.1", 0.0975, 40.0), ("bpp=0.2", 0.2001, 41.0), ("bpp=0.4", 0.38, 42.0), ("bpp=3", 2.0, None)]
    found = [row("rawinlay", bpp, psnr) | {"setting": setting} for setting, bpp, psnr in measured]
    assert [r["setting"] for r in report.summarise(found).missed] == ["bpp=0.2", "bpp=0.4"]
    assert "- a.nef libraw rawinlay bpp=0.2: 0.2001 bpp" in report.markdown(report.summarise(found))


def test_rows_of_one_file_without_a_peer():
    text = report.markdown(report.summarise([row("rawinlay", 0.1, 40.0), row("rawinlay", 0.2, None)]))
    assert "| a.nef | - / - |" in text and "0.100: 40.0; 0.200: no error" in text


def test_command_writes_text_and_plot(tmp_path):
    pytest.importorskip("matplotlib")
    source = tmp_path / "results.json"
    source.write_text("".join(json.dumps(r) + "\n" for r in known_rows()))
    assert report.run([str(source), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "report.md").read_text().startswith("# Rate-distortion")
    assert (tmp_path / "out" / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_a_cut_last_line_is_dropped_and_another_is_an_error(tmp_path):
    source = tmp_path / "results.json"
    whole = json.dumps(row("rawinlay", 0.1, 40.0)) + "\n"
    source.write_text(whole + whole[:40])
    assert len(rows.read_rows(source)) == 1
    results = rows.Results(source)
    results.add(row("rawinlay", 0.2, 44.0))
    results.close()
    assert [r["bpp"] for r in rows.read_rows(source)] == [0.1, 0.2]
    source.write_text(whole[:40] + "\n" + whole)
    with pytest.raises(InputError, match="line 1"):
        rows.read_rows(source)


def test_a_later_row_replaces_an_error(tmp_path):
    source = tmp_path / "results.json"
    good = row("rawinlay", 0.1, 40.0)
    source.write_text(json.dumps(good | {"error": "exit 5"}) + "\n" + json.dumps(good) + "\n")
    assert rows.read_rows(source) == [good]
    assert set(rows.Results(source).done) == {("a.nef", "libraw", "rawinlay", "bpp=0.1")}


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A Benchmark whose `encode` makes the JPEG grow by 1000 bytes times the rate, and whose guide is there already."""
    raw = RawImage(np.full((40, 50), 700, np.uint16), "RGGB", (0.0,) * 4, 4095, camera="Camera")
    monkeypatch.setattr(rd, "read_raw", lambda path: raw)
    monkeypatch.setattr(rd, "compare", lambda true, found: Comparison(50.0, 7, False))
    (tmp_path / "cache" / "libraw").mkdir(parents=True)
    (tmp_path / "cache" / "libraw" / "a.jpg").write_bytes(b"x" * 500)
    made = rd.Benchmark(rows.Results(tmp_path / "results.json"), tmp_path / "cache", jobs=2)
    made.calls = []

    def command(*words):
        made.calls.append(words[0])
        if words[0] == "encode":
            rate = float(words[words.index("--bpp") + 1])
            if rate == 1.5:
                raise rd.Failed("encode: exit 5: the stream is damaged")
            grown = round(1000 * rate)
            Path(words[words.index("-o") + 1]).write_bytes(b"x" * (500 + grown))
            return {"metadata_bytes": grown - (rate == 3.0)}
        return {}

    monkeypatch.setattr(made, "_command", command)
    return made


def test_bytes_are_the_growth_of_the_file(bench, tmp_path):
    bench.ours(Path("a.nef"), guides.parse("libraw:95"), [0.4, 1.5, 3.0])
    good, failed, wrong = rows.read_rows(tmp_path / "results.json")
    assert (good["bytes"], good["bpp"], good["psnr"], good["max_error"]) == (400, 8 * 400 / 2000, 50.0, 7)
    assert good["pixels"] == 2000 and good["machine"] and good["versions"]["python"] and "commit" in good
    assert failed["error"] == "encode: exit 5: the stream is damaged" and "bytes" not in failed
    assert wrong["error"] == "encode says 2999 bytes, but the file grew by 3000"


def test_what_is_measured_is_not_measured_again(bench):
    guide = guides.parse("libraw:95")
    bench.ours(Path("a.nef"), guide, [0.4, 1.5])
    assert bench.calls == ["encode", "decode", "encode"]
    bench.ours(Path("a.nef"), guide, [0.2, 0.4, 1.5])
    assert bench.calls[3:] == ["encode", "decode", "encode"]  # 0.2 and, once more, what failed


def test_the_peer_is_swept_once(bench, monkeypatch):
    calls = []

    def lossy(raw, companding, distance):
        calls.append((companding, distance))
        return {"bytes": 1, "bpp": 2 / distance, "psnr": 40.0, "max_error": 1, "identical": False}

    monkeypatch.setattr(rd.peers, "measure_lossy", lossy)
    lossless = {"bytes": 1, "bpp": 7.0, "psnr": None, "max_error": 0, "identical": True}
    monkeypatch.setattr(rd.peers, "measure_lossless", lambda raw: lossless)
    bench.peer(Path("a.nef"))
    assert {c for c, _ in calls} == {"linear", "sqrt"}
    assert sum(2 / d > rd.PEER_BPP for _, d in calls) == 2  # one point above the range for each
    before = len(calls)
    bench.peer(Path("a.nef"))
    assert len(calls) == before


def test_a_program_that_is_absent_is_a_row_with_the_reason(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(guides.shutil, "which", lambda name: None)
    bench.ours(Path("a.nef"), guides.parse("darktable"), [0.4])
    (found,) = rows.read_rows(tmp_path / "results.json")
    assert found["error"] == "no guide: darktable-cli is not installed" and not bench.calls


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("libraw", "libraw"),
        ("libraw:95:420", "libraw"),
        ("libraw:85", "libraw-85"),
        ("libraw:95:444", "libraw-95-444"),
        ("rtnr:90", "rtnr"),
        ("rawtherapee", "rawtherapee"),
        ("darktable:80", "darktable-80"),
    ],
)
def test_guide_names(text, name):
    assert guides.parse(text).name == name


@pytest.mark.parametrize("text", ["gimp", "libraw:0", "libraw:x", "libraw:9:411", "darktable:9:420", "rtnr:1:444:2"])
def test_guides_that_are_none(text):
    with pytest.raises(UsageError):
        guides.parse(text)


def test_rates():
    assert rd.parse_rates("0.1,2") == [0.1, 2.0]
    for text in ("", "0.1,x", "0", "99"):
        with pytest.raises(UsageError):
            rd.parse_rates(text)


def test_lossless_rows_have_a_table_of_their_own():
    exact = {"setting": "lossless", "psnr": None, "identical": True}
    rows = [
        row("jxl-lossless", 8.0, None),
        row("rawinlay", 6.0, None) | exact,
        row("rawinlay", 6.5, None, guide="darktable") | exact | {"identical": False},
        row("rawinlay", 1.0, 50.0),
    ]
    summary = report.summarise(rows)
    assert summary.lossless == {("a.nef", "libraw"): 6.0}
    assert [failure["guide"] for failure in summary.failures] == ["darktable"]
    assert "| a.nef | 8.000 | 6.000: 0.750 |" in report.markdown(summary)
