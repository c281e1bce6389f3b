"""XMP packets merged: the first source counts most, a JPEG gives what people said; nothing untrusted is expanded."""

import pytest
from rawinlay.bitstream.dng.xmp import merged, properties
from rawinlay.bitstream.errors import InputError

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
XMP = 'xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
CRS = 'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"'


def packet(body="", attributes="", padding=0):
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}>'
        f'<rdf:Description rdf:about="" {attributes}>{body}</rdf:Description></rdf:RDF></x:xmpmeta>'
        f"{' ' * padding}<?xpacket end='w'?>"
    ).encode()


def words(*items):
    return f"<dc:subject {DC}><rdf:Bag>{''.join(f'<rdf:li>{w}</rdf:li>' for w in items)}</rdf:Bag></dc:subject>"


def test_the_first_packet_counts_and_the_next_add():
    one = packet(words("tree"), f'{XMP} xmp:Rating="4"', padding=3000)
    attributes = f'{XMP} {CRS} xmp:Rating="1" xmp:Label="Red" crs:Exposure2012="+0.5"'
    two = packet(words("house", "river"), attributes)
    found = merged([one, two])
    want = {"xmp:Rating": "4", "dc:subject": "tree", "xmp:Label": "Red", "crs:Exposure2012": "+0.5"}
    assert properties(found) == want
    assert len(found) < 900 and properties(merged([found])) == properties(found)


def test_of_a_jpeg_only_what_people_said():
    jpeg = packet(words("Grün"), f'{XMP} {CRS} {DC} xmp:Rating="3" xmp:CreatorTool="x" crs:Contrast="9" dc:format="a"')
    assert properties(merged([], jpeg)) == {"xmp:Rating": "3", "dc:subject": "Grün"}
    assert properties(merged([packet("", f'{XMP} xmp:Rating="5"')], jpeg))["xmp:Rating"] == "5"


@pytest.mark.parametrize("bad", [
    b"", b"no XML", b"<a><b></a>", b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]>" + packet(),
    b"<a>" * 5000 + b"</a>" * 5000, b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", packet().replace(b"w3.org", b"x.org"),
    b"x" * (2 << 20), "<a/>".encode("utf-16"),
])  # fmt: skip
def test_what_cannot_be_read_is_not_there(bad):
    with pytest.raises(InputError):
        merged([bad])
    assert properties(bad) == {}
    good = packet("", f'{XMP} xmp:Rating="5"')
    assert properties(merged([good, bad], bad)) == {"xmp:Rating": "5"}
