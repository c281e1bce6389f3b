"""The flag in the XMP, which says that there is a RAW: into which packets it goes, and that it comes out again."""

import random
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cost import Cost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jpegs import camera_jpeg, mpf_jpeg, with_segment
from programs import program, run
from rawinlay.bitstream.errors import NoRawError
from rawinlay.bitstream.jpeg import flag
from rawinlay.bitstream.jpeg.embed import XMP_HEADER, embed, extract, strip
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.segments import APP1, APP11, read_segments

PAYLOAD = b"RWIN" + random.Random(1).randbytes(150_000)


def test_the_flag():
    flags = [s.payload for s in read_segments(embed(camera_jpeg(), PAYLOAD)) if flag.is_our_packet(s.payload)]
    assert len(flags) == 1 and b"<rdf:Description" in flags[0]
    meta = ElementTree.fromstring(flags[0].removeprefix(XMP_HEADER))
    assert meta.tag == "{adobe:ns:meta/}xmpmeta"
    assert meta[0][0].attrib["{http://ns.rawinlay.org/1/}Bytes"] == "150004"


@pytest.mark.parametrize("name", ["plain", "lossless"])
def test_the_flag_of_version_0_1_0_is_known(name):
    jpeg = (Path(__file__).parents[2] / "format" / "golden" / f"{name}.jpg").read_bytes()
    flags = [s for s in read_segments(jpeg) if flag.is_our_packet(s.payload)]
    assert len(flags) == 1 and b"xmpmeta" not in flags[0].payload
    bare = strip(jpeg)
    assert flag.FLAG_NAMESPACE not in bare and strip(embed(bare, PAYLOAD)) == bare
    lost = without_box(jpeg)
    with pytest.raises(NoRawError, match="has removed the RAW"):
        extract(lost)
    assert strip(lost) == bare


HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
ABOUT = '<rdf:Description rdf:about="{}" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="3"/>'
META = f'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="{{}}">{RDF}{{}}</rdf:RDF></x:xmpmeta>'
PADDING = ("\n" + 100 * " ") * 20 + "\n"
FULL = 65533 - len(XMP_HEADER) - len(META.format("", "")) - len(HEAD.encode()) - len('<?xpacket end="w"?>')

# Packets that get the flag, and packets that are left alone; as programs write them, but for their contents.
FLAGGED = {
    "darktable (exiv2)": HEAD + META.format("XMP Core 4.4.0-Exiv2", ABOUT.format("")) + '<?xpacket end="w"?>',
    "exiftool": f"<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>\n<x:xmpmeta xmlns:x='adobe:ns:meta/' "
    f"x:xmptk='Image::ExifTool 12.57'>\n<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\n\n"
    f" <rdf:Description rdf:about=''\n  xmlns:xmp='http://ns.adobe.com/xap/1.0/'>\n  <xmp:Rating>3</xmp:Rating>\n"
    f" </rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n{PADDING}<?xpacket end='w'?>",
    "Adobe, with padding": HEAD + META.format("Adobe XMP Core 5.6", ABOUT.format("")) + PADDING + '<?xpacket end="w"?>',
    "no xpacket (Apple)": META.format("XMP Core 6.0.0", ABOUT.format("")),
    "RDF alone": RDF + ABOUT.format("") + "</rdf:RDF>",
    "old Adobe": (HEAD + META.format("3.1", ABOUT.format("uuid:1-2")) + '<?xpacket end="w"?>').replace("xmpm", "xapm"),
    "another prefix": META.format("", ABOUT.format("")).replace("rdf:", "r:").replace("xmlns:rdf", "xmlns:r"),
    "zeros behind it": META.format("", ABOUT.format("")) + "\0\0",
    "a comment that looks like the end": META.format("", "<!-- </rdf:RDF></x:xmpmeta> -->" + ABOUT.format("")),
    "just room enough": HEAD + META.format("", " " * (FULL - 104)) + '<?xpacket end="w"?>',
    "extended": META.format(
        "",
        ABOUT.format("").replace(
            "/>", f' xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{"A" * 32}"/>'
        ),
    ),
}
LEFT_ALONE = {
    "read-only": HEAD + META.format("", ABOUT.format("")) + '<?xpacket end="r"?>',
    "no room": HEAD + META.format("", " " * FULL) + '<?xpacket end="w"?>',
    "no element": META.format("", "").replace(RDF + "</rdf:RDF>", RDF[:-1] + "/>"),
    "not closed": HEAD + META.format("", ABOUT.format(""))[:-20],
    "Ultra HDR": META.format("", ABOUT.format("") + '<a xmlns:C="http://ns.google.com/photos/1.0/container/"/>'),
    "gain map": META.format("", ABOUT.format("") + '<a xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"/>'),
    "ours in another's words": META.format("", "<rdf:Description rdf:about='' "
        "xmlns:rawinlay='http://ns.rawinlay.org/1/'>\n<rawinlay:Bytes>7</rawinlay:Bytes></rdf:Description>"),
    "empty": "", "no XML": "\x01\x02",
}  # fmt: skip


def test_a_hostile_packet_costs_no_time():
    for filling in (" ", "</rdf:RDF>", "</a:RDF> ", '<rdf:Description rdf:about="', "\0", "</x:xmpmeta>"):
        with Cost() as cost:
            check_left_alone(with_packets((f"<rdf:RDF {filling * 65000}")[:65000] + "x"))
        assert cost.seconds < 10


def with_packets(*packets, encoding="utf-8"):
    jpeg = camera_jpeg()
    for packet in packets:
        jpeg = with_segment(jpeg, APP1, XMP_HEADER + packet.encode(encoding), behind=2)
    return jpeg


def without_box(jpeg):
    for segment in reversed(read_segments(jpeg)):
        if segment.marker == APP11:
            jpeg = jpeg[: segment.start] + jpeg[segment.end :]
    return jpeg


@pytest.mark.parametrize("packet", FLAGGED.values(), ids=FLAGGED.keys())
def test_a_packet_that_is_there_gets_the_flag(packet):
    jpeg = with_packets(packet)
    out = embed(jpeg, PAYLOAD)
    assert strip(out) == jpeg and extract(out) == PAYLOAD
    assert len(out) - len(jpeg) == Jpeg(jpeg).growth(len(PAYLOAD))
    (there,) = (s.payload for s in read_segments(out) if s.payload.startswith(XMP_HEADER))
    root = ElementTree.fromstring(there.removeprefix(XMP_HEADER).rstrip(b"\0"))
    rdf = root if root.tag.endswith("RDF") else root[0]
    assert rdf[-1].attrib["{http://ns.rawinlay.org/1/}Bytes"] == "150004"
    lost = without_box(out)
    with pytest.raises(NoRawError, match="carried a RAW of 150004 bytes"):
        extract(lost)
    assert strip(lost) == jpeg
    assert strip(embed(embed(jpeg, PAYLOAD[:70]), PAYLOAD)) == jpeg


@pytest.mark.parametrize("packet", LEFT_ALONE.values(), ids=LEFT_ALONE.keys())
def test_a_packet_that_others_need_is_left_alone(packet):
    check_left_alone(with_packets(packet))


def test_other_jpegs_whose_xmp_is_left_alone():
    packet = FLAGGED["darktable (exiv2)"]
    check_left_alone(with_packets(packet, packet))
    check_left_alone(with_packets(packet, encoding="utf-16"))
    check_left_alone(with_packets(packet, encoding="utf-16-le"))
    credentials = b"JP\0\1\0\0\0\1\0\0\0\x2ejumb\0\0\0\x26jumdc2pa" + bytes(13) + b"\x03c2pa\0" + bytes(8)
    check_left_alone(with_segment(with_packets(packet), APP11, credentials, behind=3))


def check_left_alone(jpeg):
    out = embed(jpeg, PAYLOAD)
    assert strip(out) == jpeg and extract(out) == PAYLOAD
    assert len(out) - len(jpeg) == Jpeg(jpeg).growth(len(PAYLOAD))
    before, after = ([s.payload for s in read_segments(j) if s.marker == APP1] for j in (jpeg, out))
    assert after == before


pieces = st.sampled_from([
    HEAD, RDF, "</rdf:RDF>", "</rdf:RDF >", "<x:xmpmeta xmlns:x='adobe:ns:meta/'>", "</x:xmpmeta>", PADDING, " ", "\0",
    '<?xpacket end="w"?>', "<?xpacket end='r'?>", ABOUT.format(""), ABOUT.format("uuid:1"), "rdf:about='it'",
    "</r:RDF>",
    "<r:RDF", "rawinlay:Bytes=\"7\"", "http://ns.rawinlay.org/1/", "é", "<!--", "-->",
])  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(st.lists(pieces, max_size=12), st.integers(0, 12), st.integers(0, 300), st.booleans())
def test_strip_undoes_embed_whatever_the_xmp(parts, second, size, multi):
    jpeg = mpf_jpeg("<") if multi else camera_jpeg()
    for packet in filter(None, ("".join(parts[:second]), "".join(parts[second:]))):
        jpeg = with_segment(jpeg, APP1, XMP_HEADER + packet.encode(), behind=2)
    out = embed(jpeg, bytes(size))
    assert strip(out) == jpeg and extract(out) == bytes(size)
    assert len(out) - len(jpeg) == Jpeg(jpeg).growth(size)


@program("exiftool")
@program("identify")
@pytest.mark.parametrize("packet", [None, *FLAGGED.values()], ids=["ours", *FLAGGED.keys()])
def test_exiftool_and_imagemagick_have_nothing_against_the_flag(tmp_path, packet):
    bare, path = with_packets(*([packet] if packet else [])), tmp_path / "photo.jpg"
    said = []
    for jpeg in (bare, embed(bare, PAYLOAD)):
        path.write_bytes(jpeg)
        done = subprocess.run(["identify", str(path)], capture_output=True, timeout=60)
        said.append((done.stderr.count(b"\n"), run("exiftool", "-s3", "-validate", str(path))))
    assert said[1] == said[0]
    assert run("exiftool", "-s3", "-XMP-rawinlay:Bytes", str(path)).strip() == b"150004"
    if packet is None:
        assert said[1][0] == 0
