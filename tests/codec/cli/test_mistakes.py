"""Mistakes that a new user makes: each gets one line that names the remedy, and the documented exit code."""

import io
import os
import re
from pathlib import Path

import pytest
from PIL import Image
from rawinlay import encode_arrays
from rawinlay.bitstream.jpeg import embed
from rawinlay.codec.cli.arguments import byte_count
from rawinlay.codec.cli.main import main
from shots import shot, write_pair

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photographs, what is none, and a carrier."""
    place = tmp_path_factory.mktemp("photographs")
    write_pair(place)
    (place / "IMG_2.dng").write_bytes((place / "IMG_1.dng").read_bytes())
    (place / "IMG_3.NEF").write_bytes(b"MM\0*\0\0\0\x08\0\0" + bytes(400))
    (place / "with.jpg").write_bytes(encode_arrays(shot().raw, shot().jpeg, quality=30).jpeg)
    (place / "lost.jpg").write_bytes(shot().jpeg + b"trailer")
    picture = Image.linear_gradient("L").convert("RGB")
    for name, kind in {"p.png": "PNG", "p.tif": "TIFF", "p.webp": "WebP", "p.gif": "GIF", "p.bmp": "BMP"}.items():
        out = io.BytesIO()
        picture.save(out, kind)
        (place / name).write_bytes(out.getvalue())
    # A PNG by contents, whatever its name says.
    (place / "really-a-png.jpg").write_bytes((place / "p.png").read_bytes())
    for name, data in {
        "p.heic": HEIC, "p.jxl": b"\xff\x0a" + bytes(50), "p.pdf": b"%PDF-1.4\n",
        "p.cr3": b"\0\0\0\x18ftypcrx " + bytes(50),
        "notes.txt": b"Not a picture.\n", "empty": b"", "zeros.jpg": bytes(5000), "photos.zip": b"PK\3\4" + bytes(99),
        "old.jpg": b"the only copy", "-dash.jpg": shot().jpeg, "kept.dng": b"protected",
    }.items():  # fmt: skip
        (place / name).write_bytes(data)
    (place / "kept.dng").chmod(0o444)
    (place / "sub").mkdir()
    return place


MISTAKES = [
    # words in another order, or without their option
    (0, "encode IMG_1.dng IMG_1.JPG -o a.jpg --quality 10 -q", ""),
    (0, "encode IMG_1.JPG IMG_1.dng -o b.jpg --quality 10 -q", ""),
    (0, "encode -o c.jpg IMG_1.dng --quality 10 IMG_1.JPG -q", ""),
    (0, "decode with.jpg d.dng -q", ""),
    (0, "decode -q with.jpg --force d.dng", ""),
    (0, "strip with.jpg e.jpg -q", ""),
    (0, "-q info with.jpg", ""),
    (3, "encode IMG_1.JPG -o o.jpg",
     r"IMG_1.JPG is a JPEG, not a RAW: the RAW comes first, `rawinlay encode RAW IMG_1.J"),
    (3, "encode with.jpg -o o.jpg",
     r"with.jpg is a JPEG, not a RAW: it carries a RAW already, which `rawinlay decode with"),
    (3, "encode IMG_1.JPG with.jpg -o o.jpg",
     r"IMG_1.JPG and with.jpg are both JPEGs: encode wants the RAW and its JPEG"),
    (3, "encode IMG_1.dng out.jpg",
     r"cannot read the JPEG out.jpg: there is no such file \(the output is named with -o out"),
    (3, "encode IMG_1.dng p.png", r"p.png is a PNG, not a JPEG"),
    (2, "encode IMG_1.dng --jpeg IMG_1.JPG with.jpg -o o.jpg", r"too many files, from with.jpg on; one file at a time"),
    (2, "strip with.jpg", r"no output is named: rawinlay strip with.jpg -o OUT.jpg"),
    (2, "trim with.jpg --bpp 1", r"no output is named: rawinlay trim with.jpg -o OUT.jpg"),
    (2, "trim with.jpg -o o.jpg", r"one of the arguments --size --bpp is required \(see rawinlay trim --help\)"),
    # many files
    (3, "encode sub",
     r"cannot read sub: it is a directory; one file at a time: for f in sub/\*.NEF; do rawinlay encode \"\$f"),
    (3, "info sub", r"sub: it is a directory; one file at a time: for f in sub/\*.jpg; do rawinlay info \"\$f\"; done"),
    (3, "decode .", r"it is a directory; one file at a time: for f in \*.jpg; do rawinlay decode"),
    (2, "info with.jpg IMG_1.JPG",
     r"too many files, from IMG_1.JPG on; one file at a time: for f in \*.jpg; do rawinlay info"),
    (2, "decode with.jpg IMG_1.JPG", r"too many files, from IMG_1.JPG on; one file at a time"),
    (2, "decode with.jpg lost.jpg IMG_1.JPG", r"too many files, from lost.jpg on; one file at a time"),
    (2, "encode IMG_1.dng IMG_2.dng", r"are both RAWs; one file at a time: for f in \*.NEF; do rawinlay encode"),
    (3, "info *.jpeg", r"cannot read the JPEG \*.jpeg: No such file"),
    # the wrong kind of file
    (3, "decode IMG_1.dng -o o.dng", r"IMG_1.dng is a DNG, not a JPEG: did you mean `rawinlay encode IMG_1.dng`\?"),
    (3, "info IMG_3.NEF", r"IMG_3.NEF is a Nikon RAW \(NEF\), not a JPEG: did you mean `rawinlay encode IMG_3.NEF`\?"),
    (3, "info p.cr3", r"p.cr3 is a Canon RAW \(CR3\), not a JPEG: did you mean `rawinlay encode p.cr3`"),
    (3, "strip IMG_1.dng -o o.jpg", r"IMG_1.dng is a DNG, not a JPEG"),
    (3, "encode IMG_1.dng --jpeg p.png -o o.jpg", r"p.png is a PNG, not a JPEG: export it as a JPEG first"),
    (3, "encode IMG_1.dng --jpeg really-a-png.jpg", r"really-a-png.jpg is a PNG, not a JPEG"),
    (3, "encode IMG_1.dng --jpeg p.heic -o o.jpg", r"p.heic is a HEIC, not a JPEG"),
    (3, "encode IMG_1.dng --jpeg IMG_2.dng -o o.jpg", r"IMG_2.dng is a DNG, not a JPEG"),
    (3, "encode p.png", r"p.png is a PNG, not a RAW"),
    (3, "encode notes.txt", r"notes.txt is a text file, not a RAW"),
    (3, "encode p.pdf", r"p.pdf is a PDF, not a RAW"),
    (3, "encode photos.zip", r"photos.zip is a ZIP archive, not a RAW"),
    (3, "encode empty", r"empty: it is empty"),
    (3, "decode empty", r"empty: it is empty"),
    (3, "decode notes.txt -o o.dng", r"notes.txt is a text file, not a JPEG"),
    (3, "decode p.tif -o o.dng", r"p.tif is a TIFF, not a JPEG"),
    (3, "info p.webp", r"p.webp is a WebP, not a JPEG"),
    (3, "info p.jxl", r"p.jxl is a JPEG XL, not a JPEG"),
    (3, "info p.gif", r"p.gif is a GIF, not a JPEG"),
    (3, "info p.bmp", r"p.bmp is a BMP, not a JPEG"),
    (3, "info zeros.jpg", r"zeros.jpg is a file of nothing but zeros, not a JPEG"),
    (3, "info IMG_1.jpeg", r"cannot read the JPEG IMG_1.jpeg: No such file or directory \(did you mean IMG_1.JPG\?\)"),
    (3, "encode IMG_1.NEF", r"cannot read the RAW IMG_1.NEF: No such file or directory \(did you mean IMG_"),
    (3, "encode IMG_1.dng --jpeg absent.jpg", r"cannot read the JPEG absent.jpg: No such file"),
    (3, "compare IMG_1.dng with.jpg",
     r"with.jpg is a JPEG, not a RAW: it carries a RAW already, which `rawinlay decode with"),
    (4, "decode lost.jpg", r"lost.jpg: the JPEG carries no RAW"),
    # misspelt
    (2, "encod IMG_1.dng", r"there is no command encod: did you mean `rawinlay encode`\? \(see rawinlay --help\)"),
    (2, "extract with.jpg", r"there is no command extract: did you mean `rawinlay decode`\?"),
    (2, "check with.jpg", r"did you mean `rawinlay verify`\?"),
    (2, "version", r"did you mean `rawinlay --version`\?"),
    (2, "paint with.jpg", r"there is no command paint: there are encode, decode, develop, look, view, info"),
    (2, "IMG_1.dng", r"there is no command IMG_1.dng: did you mean `rawinlay encode IMG_1.dng`\?"),
    (2, "with.jpg", r"did you mean `rawinlay info with.jpg`\?"),
    (2, "", r"no COMMAND is given: rawinlay encode puts a RAW into its JPEG \(see rawinlay --help\)"),
    (2, "--verison", r"there is no option --verison: did you mean --version\?"),
    (2, "help encod", r"did you mean `rawinlay encode`\?"),
    (2, "encode IMG_1.dng --losless",
     r"there is no option --losless: did you mean --lossless\? \(see rawinlay encode --help\)"),
    (2, "encode IMG_1.dng --jpg IMG_1.JPG", r"there is no option --jpg: did you mean --jpeg\?"),
    (2, "decode with.jpg --out=o.dng", r"there is no option --out: did you mean --output\?"),
    (2, "info with.jpg --verbose", r"there is no option --verbose \(see rawinlay info --help\)"),
    (2, "info -dash.jpg", r"./-dash.jpg|arguments are required"),
    (2, "--json info with.jpg", r"--json is an option of the command: rawinlay info --json"),
    # numbers
    (2, "encode IMG_1.dng --bpp 0,4", r"'0,4' is no number; the decimal sign is a point: 0.4"),
    (2, "encode IMG_1.dng --quality high", r"'high' is no number"),
    (2, "encode IMG_1.dng --size 0,6MB", r"the decimal sign is a point: 0.6MB"),
    (2, "encode IMG_1.dng --size 600 KB", r"a size and its unit are one word, like 600KB"),
    (2, "encode IMG_1.dng --size big", r"'big' is no size: want bytes, like 600k or 1.5M"),
    (2, "encode IMG_1.dng --quality 200", r"quality 200: want 0 to 100"),
    (2, "encode IMG_1.dng --effort 11", r"effort 11: want 1 to 9"),
    (2, "encode IMG_1.dng --bpp 1 --lossless", r"not allowed with argument"),
    (2, "decode with.jpg --crop 1,2", r"no crop: want X,Y,W,H in pixels, like"),
    # outputs
    (2, "decode with.jpg -o out.png", r"out.png: decode writes .dng, .tif, .npy, .raw, so name it out.dng"),
    (2, "decode with.jpg out.jpeg", r"decode writes .dng, .tif, .npy, .raw, so name it out.dng"),
    (2, "decode with.jpg -o out.NEF", r"decode writes .dng, .tif, .npy, .raw, so name it out.dng"),
    (2, "decode with.jpg -o out.dng --format npy", r"out.dng: what is written is a NPY, so name it out.npy"),
    (2, "decode with.jpg -o out.npy --dng-jxl", r"JPEG XL is for DNGs; a .npy holds plain numbers"),
    (2, "decode with.jpg --jxl-distance 99", r"a distance of 99 is not JPEG XL's: want 0 .lossless., or 0.05 to 15"),
    (2, "encode IMG_1.dng -o out.dng", r"out.dng: what is written is a JPG, so name it out.jpg"),
    (2, "strip with.jpg -o out.png", r"what is written is a JPG, so name it out.jpg"),
    (2, "decode with.jpg -o IMG_1.dng", r"IMG_1.dng exists already: --force replaces it, -o chooses another name"),
    (2, "strip with.jpg -o with.jpg", r"the output with.jpg is the input with.jpg, which is never changed"),
    (3, "decode with.jpg -o sub", r"cannot write sub: it is a directory; give a file in it, like sub/OUT"),
    (3, "decode with.jpg -o nowhere/o.dng", r"there is no folder .*nowhere"),
    (3, "decode with.jpg -o kept.dng --force", r"kept.dng: it is write-protected, .*chmod u\+w"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "words", "line"), MISTAKES, ids=[words or "nothing" for _, words, _ in MISTAKES])
def test_one_line_that_names_the_remedy(folder, capsys, monkeypatch, code, words, line):
    monkeypatch.chdir(folder)
    before = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    found = main(words.split())
    said = capsys.readouterr()
    after = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    assert found == code, said.err
    if code:
        assert said.out == "" and said.err.startswith("rawinlay: ") and said.err.count("\n") == 1, said.err
        assert re.search(line, said.err), said.err
        assert after == before
    else:
        assert (said.out, said.err) == ("", "")
        assert {path: data for path, data in after.items() if path in before and path.name != "d.dng"} == {
            path: data for path, data in before.items() if path.name != "d.dng"
        }


def test_orders_of_words_give_the_same(folder, capsys):
    """The files of the first mistakes, which are none."""
    if not (folder / "c.jpg").exists():
        pytest.skip("needs the tests before it")
    assert (folder / "a.jpg").read_bytes() == (folder / "b.jpg").read_bytes() == (folder / "c.jpg").read_bytes()
    assert embed.strip((folder / "a.jpg").read_bytes()) == (folder / "IMG_1.JPG").read_bytes()
    assert (folder / "e.jpg").read_bytes() == (folder / "IMG_1.JPG").read_bytes()


@pytest.mark.parametrize("words", ["help", "help encode", "help bench rd", "-h", "encode -h", "bench -h"])
def test_help_in_every_way(capsys, words):
    assert main(words.split()) == 0
    said = capsys.readouterr()
    assert said.out.startswith("usage: rawinlay ") and said.err == ""
    assert "example:\n  rawinlay " in said.out


def test_what_a_photographer_needs_comes_first(capsys):
    main(["--help"])
    out = capsys.readouterr().out
    places = [out.index(f"\n  {name} ") for name in "encode decode info compare strip trim demo bench train".split()]
    assert places == sorted(places) and "for photographs:\n  encode" in out


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version(capsys, option):
    assert main([option]) == 0 and capsys.readouterr().out.startswith("rawinlay ")


@pytest.mark.parametrize(("text", "count"), [
    ("600KB", 600_000), ("600kB", 600_000), ("600 kB", 600_000), ("600k", 600_000), ("0.6MB", 600_000),
    ("0.6M", 600_000),
    ("600 KiB", 614_400), ("1MiB", 1 << 20), ("1Mi", 1 << 20), ("600000", 600_000), ("600000B", 600_000),
    ("600 bytes", 600), ("2g", 2_000_000_000), (" 5k ", 5000), ("6e5", 600_000),
])  # fmt: skip
def test_sizes_as_people_write_them(text, count):
    assert byte_count(text) == count


def test_quiet_keeps_json(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    assert main(["info", "with.jpg", "-q"]) == 0 and capsys.readouterr() == ("", "")
    assert main(["info", "with.jpg", "--quiet", "--json"]) == 0 and capsys.readouterr().out.startswith("{")
    assert main(["info", "with.jpg"]) == 0 and "RAW" in capsys.readouterr().out


def test_names_with_control_characters_stay_on_one_line(tmp_path, capsys):
    name = os.fsdecode(b"a\n\x1b[31m\xff.jpg")
    assert main(["info", str(tmp_path / name)]) == 3
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "\x1b" not in err
