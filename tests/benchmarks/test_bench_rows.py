"""The benchmark's file of rows: what is cut off, what replaces what, older rows."""

import json

import pytest
from bench_rows import row
from rawinlay.benchmarks import rows
from rawinlay.bitstream.errors import InputError


def test_a_cut_last_line_is_dropped_and_another_is_an_error(tmp_path):
    source = tmp_path / "rows.jsonl"
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
    source = tmp_path / "rows.jsonl"
    good = row("rawinlay", 0.1, 40.0)
    source.write_text(json.dumps(good | {"error": "exit 5"}) + "\n" + json.dumps(good) + "\n")
    assert rows.read_rows(source) == [good]
    assert set(rows.Results(source).done) == {("a.nef", "libraw", "rawinlay", "bpp=0.1")}


def test_older_rows_have_their_seconds_where_todays_have_them(tmp_path):
    source = tmp_path / "rows.jsonl"
    old = {k: v for k, v in row("rawinlay", 0.1, 40.0).items() if k not in ("encode", "decode")}
    source.write_text(json.dumps(old | {"encode_seconds": 3.5, "decode_seconds": 1.25}) + "\n")
    (found,) = rows.read_rows(source)
    assert (found["encode"], found["decode"]) == ({"total": 3.5}, {"total": 1.25})
    assert "encode_seconds" not in found


def test_the_rows_in_the_repository_are_read():
    kept = sorted((rows.REPOSITORY / "benchmarks" / "results").glob("*.jsonl"))
    assert kept and all("encode" in r or "error" in r for path in kept[:1] for r in rows.read_rows(path))
