"""The summary of rows whose answers are known: gains, savings, intervals, losses, costs."""

import json
import math

import numpy as np
import pytest
from bench_rows import known_rows, row

pytest.importorskip("bjontegaard", reason="the bench extra is not installed")
from rawinlay.benchmarks.curves import BEST_BLIND
from rawinlay.benchmarks.summary import summarise


def pick(entries, **wanted):
    """The one entry whose fields are these."""
    (found,) = [e for e in entries if all(e[name] == value for name, value in wanted.items())]
    return found


@pytest.fixture(scope="module")
def summary():
    return summarise(known_rows())


def test_it_is_json(summary):
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_gains_and_savings_of_known_curves(summary):
    for title in ("low", "high"):
        found = pick(summary["pairs"], file="a.nef", peer="jxl-linear", metric="psnr", range=title)
        assert found["bd_psnr"] == pytest.approx(10, abs=0.01) and found["bd_psnr_coverage"] == 1
    # 10 dB at 4 dB per octave are 2.5 octaves; the peer ends at 48 dB, ours has 50 at 1 bpp
    found = pick(summary["pairs"], file="a.nef", peer="jxl-linear", metric="psnr", range="low")
    assert found["bd_rate"] == pytest.approx(2**-2.5 - 1, abs=0.002)
    assert found["bd_rate_coverage"] == pytest.approx((48 - 36.71) / 12, abs=0.01)
    assert pick(summary["pairs"], file="a.nef", peer="jxl-linear", metric="psnr", range="high")["bd_rate"] is None


def test_the_best_of_blind_peers_is_the_better_one_here(summary):
    for title in ("low", "high"):
        best, linear = (
            pick(summary["pairs"], file="a.nef", peer=peer, metric="psnr", range=title)["bd_psnr"]
            for peer in (BEST_BLIND, "jxl-linear")
        )
        assert best == pytest.approx(linear, abs=0.01)


def test_losses_are_points_below_a_peers_curve(summary):
    (loss,) = summary["losses"]
    assert (loss["file"], loss["setting"], loss["peer"]) == ("b.dng", "bpp=3", "jxl-linear")
    assert loss["db"] == pytest.approx(44 - (40 + 4 * math.log2(3))) and loss["psnr"] == 44
    assert summary["lost"] == []


def test_a_codec_that_loses_on_the_whole_is_listed_worst_first():
    worse = [r | {"psnr": r["psnr"] - 20} if r["codec"] == "rawinlay" else r for r in known_rows()]
    lost = summarise(worse)["lost"]
    assert lost and [p["bd_psnr"] for p in lost] == sorted(p["bd_psnr"] for p in lost)
    assert all(p["metric"] == "psnr" and p["bd_psnr"] < 0 for p in lost)


def test_means_intervals_and_worst():
    """Offsets of 10 and 14 dB: any draw of two files has a mean of 10, 12 or 14."""
    rows = [r | {"psnr": r["psnr"] + 4} if (r["file"], r["codec"]) == ("b.dng", "rawinlay") else r
            for r in known_rows()[:-1]]  # fmt: skip
    mean = pick(summarise(rows)["means"], guide="libraw", peer="jxl-linear", metric="psnr", range="low", over="all")
    figures = mean["bd_psnr"]
    assert [figures[n] for n in ("mean", "low", "high", "worst")] == pytest.approx([12, 10, 14, 10], abs=0.02)
    assert mean["files"] == figures["files"] == 2
    # of bytes the geometric mean: 2.5 and 3.5 octaves
    assert mean["bd_rate"]["mean"] == pytest.approx(2**-3 - 1, abs=0.01)
    assert figures["coverage"] == 1 and mean["bd_rate"]["coverage"] == pytest.approx((0.94 + 0.61) / 2, abs=0.02)
    assert mean["bd_rate"]["worst"] == pytest.approx(2**-2.5 - 1, abs=0.002)


def test_cameras_and_gopro_are_told_apart():
    rows = [r | {"camera": "GoPro HERO"} if r["file"] == "b.dng" else r for r in known_rows()]
    means = [m for m in summarise(rows)["means"] if m["metric"] == "psnr" and m["range"] == "low"]
    overs = {m["over"]: m["files"] for m in means if m["peer"] == "jxl-linear"}
    assert overs == {"all": 2, "camera: Camera": 1, "camera: GoPro HERO": 1, "all but GoPro": 1}
    alone = pick(means, peer="jxl-linear", over="camera: Camera")["bd_psnr"]
    assert alone["low"] is None and alone["mean"] == pytest.approx(10, abs=0.01)


def test_half_a_range_says_so():
    some = [r for r in known_rows() if r["codec"] != "rawinlay" or r["bpp"] <= 0.3]
    found = pick(summarise(some)["pairs"], file="a.nef", peer="jxl-linear", metric="psnr", range="low")
    assert found["bd_psnr"] == pytest.approx(10, abs=0.01)
    assert found["bd_psnr_coverage"] == pytest.approx(1 / 3, abs=0.03)


def test_a_peer_that_is_lossless_in_no_more_bytes():
    rows = [r for r in known_rows() if r["file"] == "a.nef" and r["codec"] != "jxl-lossless"]
    rows += [row("jxl-lossless", 2.7, None, setting="lossless"), row("rawinlay", 2.9, None, setting="lossless")]
    found = summarise(rows)
    assert {(b["setting"], b["peer_bpp"]) for b in found["beaten_lossless"]} == {("bpp=3", 2.7), ("lossless", 2.7)}
    ours = pick(found["lossless"], codec="rawinlay")
    assert ours["share"] == {"jxl-lossless": pytest.approx(2.9 / 2.7)}


def test_failures_missed_targets_and_lossless_that_is_not():
    measured = [("bpp=0.1", 0.0975, 40.0), ("bpp=0.2", 0.2001, 41.0), ("bpp=0.4", 0.38, 42.0), ("bpp=3", 2.0, None)]
    rows = [row("rawinlay", bpp, psnr, setting=setting) for setting, bpp, psnr in measured]
    rows.append(row("sam", 1.0, None, setting="lossless", identical=False))
    rows.append({**row("sam", 1.0, 40.0), "error": "exit 3: no"})
    found = summarise(rows)
    assert [r["setting"] for r in found["missed"]] == ["bpp=0.2", "bpp=0.4"]
    assert {f["error"] for f in found["failures"]} == {"lossless, but not identical", "exit 3: no"}
    assert pick(found["codecs"], codec="sam") == {
        "codec": "sam", "guided": True, "ours": False, "counts": "", "state": "", "rows": 2, "failed": 2,
    }  # fmt: skip


def test_what_can_be_run_by_now_is_no_failure():
    def gone(guide):
        return {"file": "a.nef", "guide": guide, "codec": "rawinlay", "setting": "", "error": "no guide: not installed"}

    found = summarise([gone("libraw"), gone("rtnr"), *known_rows()])
    assert [(f["guide"], f["setting"]) for f in found["failures"]] == [("rtnr", "")]


def test_costs_are_per_megapixel_by_part(summary):
    cost = pick(summary["costs"], codec="rawinlay", guide="libraw")["encode"]
    assert cost == {"seconds_per_megapixel": 1.0, "parts": {"entropy": 0.75}, "peak_memory": 1000}


def test_edits_are_metrics_too():
    edit = lambda r: {"edits": {"plus2ev": {"psnr": r["psnr"] - 12, "ciede2000": 1.0}}}  # noqa: E731
    rows = [r | edit(r) for r in known_rows()[:-1] if r["psnr"] is not None]
    found = pick(summarise(rows)["pairs"], file="a.nef", peer="jxl-linear", metric="plus2ev", range="low")
    assert found["bd_psnr"] == pytest.approx(10, abs=0.01)


def test_rows_of_one_codec_alone_and_none():
    alone = summarise([row("rawinlay", 0.1, 40.0), row("rawinlay", 0.2, None)])
    assert alone["pairs"] == [] and [len(c["points"]) for c in alone["curves"]] == [2]
    assert summarise([])["files"] == []


def test_curves_carry_the_rows_without_the_machine(summary):
    curve = pick(summary["curves"], file="a.nef", codec="jxl-linear")
    rates = [point["bpp"] for point in curve["points"]]
    assert rates == sorted(rates) and len(rates) == 8
    assert "machine" not in curve["points"][0] and curve["points"][0]["decode"]["total"] == 2.0
    assert summary["setups"] == [
        {"machine": "a machine", "commit": "0123", "versions": {"python": "3"}, "rows": np.size(known_rows()) - 1}
    ]
