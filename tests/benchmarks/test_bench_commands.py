"""`rawinlay bench`: its help, its usage errors, and a run with real processes on two small RAWs."""

import json

import pytest
from shots import shot, write_pair

pytest.importorskip("imagecodecs", reason="the bench extra is not installed")
pytest.importorskip("skimage", reason="scikit-image is not installed")
from rawinlay.benchmarks import processes
from rawinlay.benchmarks.commands import bench_command
from rawinlay.benchmarks.inputs import find_inputs
from rawinlay.benchmarks.processes import Processes, read_codecs
from rawinlay.benchmarks.rows import read_rows
from rawinlay.bitstream.errors import InputError, UsageError
from rawinlay.codec.cli.arguments import Parser
from rawinlay.codec.simulator.dataset import save_shot
from rawinlay.codec.source.raw import read_raw


def bench(*words):
    parser = Parser(prog="rawinlay")
    bench_command(parser.add_subparsers(required=True, parser_class=Parser))
    args = parser.parse_args(["bench", *map(str, words)])
    args.run(args)


@pytest.fixture(scope="module")
def known():
    """The codecs that a process of its own finds: it loads all of them, which takes seconds, so it is asked once."""
    return read_codecs(Processes())


@pytest.fixture(autouse=True)
def asked_once(request, monkeypatch):
    monkeypatch.setattr(processes, "read_codecs", lambda own: request.getfixturevalue("known"))


@pytest.fixture
def folder(tmp_path):
    """A DNG, a simulated shot, and two files that are left out."""
    place = tmp_path / "raws"
    place.mkdir()
    write_pair(place, raw="one.dng")
    save_shot(place / "shot-00001-val.npz", shot(seed=2))
    (place / "broken.nef").write_bytes(b"no RAW")
    (place / "notes.txt").write_text("no RAW either")
    return place


def test_help_has_an_example(capsys):
    for words in (["--help"], ["rd", "--help"]):
        with pytest.raises(SystemExit):
            bench(*words)
        assert "example:\n  rawinlay bench rd --raw DIR" in capsys.readouterr().out


def test_inputs(folder, tmp_path, capsys):
    found = find_inputs(folder, [], tmp_path / "made")
    assert [(i.name, i.shot is not None) for i in found] == [("one.dng", False), ("shot-00001-val.npz", True)]
    assert "left out: broken.nef" in capsys.readouterr().err
    assert (read_raw(found[1].raw).mosaic == shot(seed=2).raw.mosaic).all()
    assert [i.name for i in find_inputs(folder, ["shot*"], tmp_path / "made")] == ["shot-00001-val.npz"]
    assert [i.name for i in find_inputs(folder / "one.dng", [], tmp_path / "made")] == ["one.dng"]
    for patterns in (["two*"], ["notes*"]):
        with pytest.raises(InputError, match="holds no Bayer RAW"):
            find_inputs(folder, patterns, tmp_path / "made")
    with pytest.raises(InputError, match="no folder or file"):
        find_inputs(folder / "nowhere", [], tmp_path / "made")


@pytest.mark.parametrize(
    "words", [["--guide", "gimp"], ["--rates", "0"], ["--codecs", "webp"]], ids=["guide", "rates", "codecs"]
)
def test_usage(folder, tmp_path, words):
    with pytest.raises(UsageError):
        bench("rd", "--raw", folder, "--out", tmp_path / "out", *words)
    assert not (tmp_path / "out" / "rows.jsonl").exists()


def test_a_run_and_its_resumption(folder, tmp_path, capsys):
    """Real processes: the quickest of all codecs, blind and lossless, and nothing to do the second time."""
    words = ["rd", "--raw", folder, "--codecs", "jxl-lossless", "--out", tmp_path / "out", "--rates", "0.1", "--json"]
    bench(*words)
    said = json.loads(capsys.readouterr().out)
    assert said == {"rows": str(tmp_path / "out" / "rows.jsonl"), "added": 2, "failed": 0, "all": 2}
    rows = read_rows(tmp_path / "out" / "rows.jsonl")
    assert [(r["file"], r["identical"], r["guide"]) for r in rows] == [
        ("one.dng", True, ""), ("shot-00001-val.npz", True, ""),
    ]  # fmt: skip
    assert all(r["bytes"] > 1000 and r["decode"]["peak_memory"] > 1e6 and r["encode"]["total"] > 0 for r in rows)
    bench(*words)
    assert json.loads(capsys.readouterr().out)["added"] == 0
