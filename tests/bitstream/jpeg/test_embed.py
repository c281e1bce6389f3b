"""The stream in the JPEG: what embed may touch, what strip gives back, and what installed programs make of it."""

import io
import random
import re
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jpegs import camera_jpeg, minolta_jpeg, mpf_jpeg, mpf_payload, picture, plain_jpeg, with_segment, with_xmp
from PIL import Image, ImageFile, MpoImagePlugin
from programs import program, run
from rawinlay.bitstream.errors import InputError, NoRawError, StreamError
from rawinlay.bitstream.jpeg import flag, jumbf
from rawinlay.bitstream.jpeg.embed import MPF_HEADER, embed, extract, strip
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.pointers import find_pointers
from rawinlay.bitstream.jpeg.segments import APP1, APP2, APP11, APP15, COM, read_segments, segment_bytes, splice

PAYLOAD = b"RWIN" + random.Random(1).randbytes(150_000)

JPEGS = {
    "plain": plain_jpeg(),
    "progressive": plain_jpeg(progressive=True),
    "camera": camera_jpeg(),
    "with XMP": with_xmp(camera_jpeg()),
    "multi-picture, little-endian": mpf_jpeg("<"),
    "multi-picture, big-endian": mpf_jpeg(">"),
    "a preview behind the EOI": minolta_jpeg(),
    "no EOI": plain_jpeg()[:-2] + b"SEFH trailer SEFT",
    "multi-picture with XMP": with_xmp(mpf_jpeg()),
    "comment first": with_segment(camera_jpeg(), COM, b"a comment"),
    "others' APP11": with_segment(camera_jpeg(), APP11, b"JP\2\x11\0\0\0\1\0\0\0\x28jumb" + bytes(32), behind=1),
    "APP15 and trailer": with_segment(plain_jpeg(), APP15, b"maker's", behind=1) + b"SEFT trailer",
}
DESCRIPTION = b'<rdf:Description rdf:about="" xmlns:rawinlay="http://ns.rawinlay.org/1/" rawinlay:Bytes="150004"/>'
by_name = pytest.mark.parametrize("jpeg", JPEGS.values(), ids=JPEGS.keys())


def is_ours(segment):
    return (segment.marker == APP11 and segment.payload.startswith(b"JPRC")) or (
        segment.marker == APP1 and flag.is_our_packet(segment.payload)
    )


def is_mpf(segment):
    return segment.marker == APP2 and segment.payload.startswith(MPF_HEADER)


@by_name
def test_round_trip(jpeg):
    out = embed(jpeg, PAYLOAD)
    assert extract(out) == PAYLOAD
    assert strip(out) == jpeg
    assert len(out) - len(jpeg) == Jpeg(jpeg).growth(len(PAYLOAD))


@by_name
def test_only_our_segments_and_what_points_behind_them_differ(jpeg):
    out = embed(jpeg, PAYLOAD)
    before, after = read_segments(jpeg), read_segments(out)
    assert out[after[-1].start :] == jpeg[before[-1].start :]
    theirs = [s for s in after if not is_ours(s)]
    assert [s.marker for s in theirs] == [s.marker for s in before]
    for new, old in zip(theirs, before, strict=True):
        pointing = is_mpf(new) or new.payload.startswith(b"Exif\0\0MM")
        assert new.payload.replace(DESCRIPTION, b"") == old.payload or pointing
    # The box stands right before the scan, where it hides nothing.
    box = [k for k, s in enumerate(after) if is_ours(s) and s.marker == APP11]
    assert box == list(range(len(after) - 1 - len(box), len(after) - 1))


@by_name
def test_the_picture_is_the_same(jpeg):
    with Image.open(io.BytesIO(jpeg)) as before, Image.open(io.BytesIO(embed(jpeg, PAYLOAD))) as after:
        assert before.tobytes() == after.tobytes()


def kinds_of(jpeg):
    """What each segment is: a known header, or its marker in hex."""
    known = (b"Exif", b"ICC", b"MPF", b"http", b"JPRC")
    return [
        next((k.decode() for k in known if s.payload.startswith(k)), f"{s.marker:02X}") for s in read_segments(jpeg)
    ]


def test_placement_behind_all_else_of_the_header():
    kinds = kinds_of(embed(with_segment(mpf_jpeg(), APP15, b"z", behind=4), PAYLOAD))
    assert kinds[:8] == ["D8", "E0", "Exif", "ICC", "MPF", "http", "EF", "DB"]
    assert kinds[-4:] == ["JPRC", "JPRC", "JPRC", "DA"]


@pytest.mark.parametrize(
    "first",
    [(COM, b"a comment"), (0xDB, b"\3" + bytes(range(1, 65))), (0xDD, b"\0\0"), (APP2, mpf_payload("<", [(9, 0)]))],
)
@pytest.mark.parametrize("behind", [0, 1, 2])
def test_placement_whatever_comes_first(first, behind):
    jpeg = with_segment(camera_jpeg(), *first, behind=behind)
    out = embed(jpeg, PAYLOAD)
    kinds = kinds_of(out)
    assert max(kinds.index(k) for k in ("Exif", "ICC")) < kinds.index("http") < kinds.index("JPRC")
    assert strip(out) == jpeg


def test_the_size_stands_in_the_first_kilobytes():
    """As probes of pictures look for it, which read no more than they must: megabytes of APP11 would hide it."""
    jpeg = camera_jpeg()
    head = embed(jpeg, PAYLOAD)[: len(jpeg) + 1000]
    parser = ImageFile.Parser()
    parser.feed(embed(jpeg, PAYLOAD))
    assert parser.image.size == (48, 32)
    frames = re.search(rb"\xff\xc0\0\x11\x08\0\x20\0\x30", head)
    assert frames and frames.start() < 2000


def as_version_0_1_0(jpeg, payload):
    """As that version embedded: flag and box before MPF, of which it mended the size of image 1."""
    segments = read_segments(jpeg)
    at = next((s.start for s in segments if is_mpf(s)), segments[1].end)
    block = segment_bytes(APP1, flag.packet(len(payload)))
    block += b"".join(segment_bytes(APP11, part) for part in jumbf.wrap(payload))
    sizes = [n for n in find_pointers(segments, strict=True).numbers if n.base is None]
    edits = [(n.at, n.at + 4, (n.value + len(block)).to_bytes(4, n.order)) for n in sizes]
    return splice(jpeg, [(at, at, block), *edits])


@pytest.mark.parametrize("jpeg", [mpf_jpeg("<"), mpf_jpeg(">"), camera_jpeg(), minolta_jpeg()])
def test_what_version_0_1_0_wrote_is_read_and_stripped(jpeg):
    old = as_version_0_1_0(jpeg, PAYLOAD)
    assert extract(old) == PAYLOAD
    assert strip(old) == jpeg
    assert embed(old, PAYLOAD) == embed(jpeg, PAYLOAD)


@pytest.mark.parametrize("order", ["<", ">"])
def test_multi_picture_files_stay_right(order):
    jpeg = mpf_jpeg(order)
    out = embed(jpeg, PAYLOAD)
    with Image.open(io.BytesIO(jpeg)) as before, Image.open(io.BytesIO(out)) as after:
        assert isinstance(before, MpoImagePlugin.MpoImageFile) and before.mpinfo is not None
        assert isinstance(after, MpoImagePlugin.MpoImageFile) and after.mpinfo is not None and after.n_frames == 2
        old, new = before.mpinfo[0xB002], after.mpinfo[0xB002]
        assert new[0]["Size"] == old[0]["Size"] + len(out) - len(jpeg)
        assert new[1] == old[1] | {"DataOffset": old[1]["DataOffset"] + len(out) - len(jpeg)}
        after.seek(1)
        before.seek(1)
        assert after.tobytes() == before.tobytes()
    assert out[new[0]["Size"] - 2 : new[0]["Size"]] == b"\xff\xd9"


@pytest.mark.parametrize(
    "payload",
    [
        b"MPF\0",
        b"MPF\0II*\0" + struct.pack("<I", 1 << 31),
        b"MPF\0II*\0" + struct.pack("<IHHHII", 8, 1, 0xB002, 7, 16, 1 << 31),
        b"MPF\0II*\0" + struct.pack("<IHHHII", 8, 1, 0xB002, 7, 16, 4) + bytes(16),
        b"MPF\0II*\0" + struct.pack("<IHHHII", 8, 1, 0xB002, 7, 16, 12) + bytes(16),
        b"MPF\0II*\0" + struct.pack("<IH", 8, 65535) + bytes(40),
        mpf_payload("<", [(0xFFFFFFFF, 0)]),
        mpf_payload(">", [(0, 0)]),
        mpf_payload(">", [(5000, 99)]),
    ],
)
def test_damaged_mpf_is_survived_and_restored(payload):
    jpeg = with_segment(plain_jpeg(), APP2, payload, behind=1)
    out = embed(jpeg, PAYLOAD)
    assert extract(out) == PAYLOAD
    assert strip(out) == jpeg


def test_embedding_again_replaces():
    once = embed(mpf_jpeg(), PAYLOAD)
    twice = embed(once, PAYLOAD[:70_000])
    assert extract(twice) == PAYLOAD[:70_000]
    assert strip(twice) == mpf_jpeg()
    assert embed(twice, PAYLOAD) == once


def test_never_had_one_or_lost_it():
    with pytest.raises(NoRawError, match="the JPEG carries no RAW"):
        extract(camera_jpeg())
    out = embed(camera_jpeg(), PAYLOAD)
    for segment in reversed(read_segments(out)):
        if segment.marker == APP11:
            out = out[: segment.start] + out[segment.end :]
    with pytest.raises(NoRawError, match="carried a RAW of 150004 bytes, but a program that saved it since"):
        extract(out)
    assert strip(out) == camera_jpeg()
    with pytest.raises(NoRawError):
        strip(camera_jpeg())


def test_damaged_boxes_are_named_and_stripped():
    out = embed(camera_jpeg(), PAYLOAD)
    second = [s for s in read_segments(out) if s.marker == APP11][1]
    out = out[: second.start] + out[second.end :]
    with pytest.raises(StreamError, match="part 2 of 3"):
        extract(out)
    assert strip(out) == camera_jpeg()
    assert extract(embed(out, PAYLOAD)) == PAYLOAD


def test_segments_that_a_program_moved_behind_the_tables():
    out = embed(camera_jpeg(), PAYLOAD)
    segments = read_segments(out)
    ours = [s for s in segments if s.marker == APP11]
    block = out[ours[0].start : ours[-1].end]
    moved = out[: ours[0].start] + out[ours[-1].end : segments[-1].start] + block + out[segments[-1].start :]
    assert extract(moved) == PAYLOAD
    assert strip(moved) == camera_jpeg()


def test_app11_that_was_split_anew_among_others():
    theirs = JPEGS["others' APP11"]
    out = embed(theirs, PAYLOAD)
    payloads = [s.payload for s in read_segments(out) if s.marker == APP11]
    joined = b"".join(payloads)
    bare = camera_jpeg()
    at = read_segments(bare)[1].end
    pieces = (segment_bytes(APP11, joined[k : k + 65533]) for k in range(0, len(joined), 65533))
    split = bare[:at] + b"".join(pieces) + bare[at:]
    assert extract(split) == PAYLOAD
    assert strip(split) == theirs


@pytest.mark.parametrize("data", [b"", b"RAW", b"\xff\xd8\xff\xd9", camera_jpeg()[:100]])
def test_no_jpeg(data):
    for call in (extract, strip, lambda jpeg: embed(jpeg, PAYLOAD), lambda jpeg: Jpeg(jpeg).growth(1)):
        with pytest.raises(InputError):
            call(data)


@settings(max_examples=50)
@given(st.sampled_from(list(JPEGS.values())), st.integers(0, 140_000))
def test_added_bytes_is_exact(jpeg, size):
    assert len(embed(jpeg, bytes(size))) - len(jpeg) == Jpeg(jpeg).growth(size)


@pytest.mark.parametrize("size", [k * jumbf.PART - 84 + d for k in (1, 2) for d in range(-2, 14)])
def test_added_bytes_is_exact_at_the_edges_of_segments(size):
    assert len(embed(plain_jpeg(), bytes(size))) - len(plain_jpeg()) == Jpeg(plain_jpeg()).growth(size)


SMALL = embed(plain_jpeg(), PAYLOAD[:300])


@given(st.integers(0, len(SMALL) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_damaged_files_fail_cleanly(at, new, cut):
    damaged = SMALL[:at] + new + SMALL[at + cut :]
    for call in (extract, strip, lambda jpeg: embed(jpeg, b"x")):
        try:
            call(damaged)
        except (InputError, NoRawError, StreamError) as error:
            assert "\n" not in str(error)


# ---------------------------------------------------------------------------------------------------- programs


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(embed(with_segment(camera_jpeg(), APP15, b"z", behind=3), PAYLOAD))
    return path


@program("exiftool")
def test_exiftool_extracts_it(file):
    assert run("exiftool", "-b", "-OrgRawinlayRawData", str(file)) == PAYLOAD
    assert run("exiftool", "-s3", "-OrgRawinlayRawType", str(file)).strip() == b"application/vnd.rawinlay"
    assert run("exiftool", "-s3", "-XMP-rawinlay:Bytes", str(file)).strip() == b"150004"


@program("exiftool")
@pytest.mark.parametrize("edit", ["-Artist=me", "-XMP:Title=title", "-exif:all=", "-Comment=words", "-icc_profile="])
def test_exiftool_keeps_it(file, edit):
    run("exiftool", "-q", "-overwrite_original", edit, str(file))
    assert extract(file.read_bytes()) == PAYLOAD


@program("exiftool")
def test_exiftool_strips_it(file):
    run("exiftool", "-q", "-overwrite_original", "-all=", str(file))
    with pytest.raises(NoRawError, match="carries no RAW"):
        extract(file.read_bytes())


@program("jpegtran")
@pytest.mark.parametrize("options", [[], ["-optimize"], ["-progressive"], ["-rotate", "90"]])
def test_jpegtran_keeps_it_when_told_to_copy_all(file, options):
    assert extract(run("jpegtran", "-copy", "all", *options, str(file))) == PAYLOAD
    with pytest.raises(NoRawError):
        extract(run("jpegtran", *options, str(file)))


@program("convert")
def test_imagemagick_keeps_it_also_among_others(file):
    theirs = segment_bytes(APP11, b"JP\2\x11\0\0\0\1\0\0\0\x28jumb" + bytes(32))
    at = read_segments(file.read_bytes())[1].end
    for jpeg in (file.read_bytes(), file.read_bytes()[:at] + theirs + file.read_bytes()[at:]):
        file.write_bytes(jpeg)
        out = file.with_name("out.jpg")
        run("convert", str(file), "-quality", "80", str(out))
        assert extract(out.read_bytes()) == PAYLOAD


def test_pillow_loses_it(file):
    out = io.BytesIO()
    with Image.open(file) as image:
        assert image.format == "JPEG" and image.size == picture().size
        image.save(out, "JPEG", quality="keep", xmp=image.info["xmp"])
    with pytest.raises(NoRawError, match="a program that saved it since has removed the RAW"):
        extract(out.getvalue())


def test_what_two_damaged_boxes_leave():
    """A JPEG with boxes of ours that contradict each other is rid of all of them, and then comes back byte for byte."""
    part = jumbf.wrap(PAYLOAD[:3000])[0]
    others = [part[:-9] + b"otherwise", part[:40] + b"\xff" + part[41:]]
    twice = [part, *others, b"JPnot ours at all, but long enough", part[7:]]
    for some in (twice, twice[:2], twice[1:], [b"xx" + part + part, part[:-1]]):
        jpeg = plain_jpeg()
        for payload in some:
            jpeg = jpeg[:2] + segment_bytes(APP11, payload) + jpeg[2:]
        bare = Jpeg(jpeg).bare
        assert bare.bare == bare and Jpeg(bare.data).with_payload(b"RWIN").bare.data == bare.data
        with pytest.raises(NoRawError):
            extract(bare.data)
