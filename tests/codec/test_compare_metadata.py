"""`compare --metadata`: what two RAWs say differently beside their pictures."""

import json
from dataclasses import replace

from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.tiff import tiff
from rawinlay.bitstream.tiff.tiff import pack_ascii, pack_value
from rawinlay.codec.cli.main import main
from rawinlay.codec.differences import compare_metadata
from shots import shot


def test_differences(tmp_path, capsys):
    raw = shot().raw
    one = write_dng(replace(raw, ifd0_tags={**raw.ifd0_tags, 315: pack_ascii("A")}, gps_tags={1: pack_ascii("N")}))
    other = write_dng(replace(raw, exif_tags={**raw.exif_tags, 37386: pack_value(tiff.RATIONAL, 50, 1)}))
    assert compare_metadata(one, one) == ()
    found = {(d.place, d.tag): (d.first, d.second) for d in compare_metadata(one, other)}
    assert found == {("IFD0", "Artist"): ("A", None), ("GPS", "GPSLatitudeRef"): ("N", None),
                     ("Exif", "FocalLength"): (None, "50")}  # fmt: skip
    paths = [tmp_path / "one.dng", tmp_path / "other.dng"]
    for path, data in zip(paths, (one, other), strict=True):
        path.write_bytes(data)
    assert main(["compare", "--metadata", "--json", *map(str, paths)]) == 0
    assert {"place": "IFD0", "tag": "Artist", "first": "A", "second": None} in json.loads(
        capsys.readouterr().out)["differences"]  # fmt: skip
    assert main(["compare", "--metadata", *map(str, paths)]) == 0
    assert "Artist" in capsys.readouterr().out
