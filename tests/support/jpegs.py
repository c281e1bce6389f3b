"""Small JPEGs for the tests of the bitstream layer, made on the spot."""

import io
import struct

from PIL import Image, ImageCms
from rawinlay.bitstream.jpeg.segments import APP1, APP2, read_segments, segment_bytes

XMP = (
    b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>'
)


def picture(size=(48, 32)):
    """A colour picture with some structure."""
    gradient = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (gradient, gradient.rotate(180), gradient.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))


def plain_jpeg(**options):
    """SOI, APP0, tables, frame, scan, EOI."""
    out = io.BytesIO()
    picture().save(out, "JPEG", **{"quality": 90, **options})
    return out.getvalue()


def camera_jpeg():
    """With EXIF and an ICC profile."""
    exif = Image.Exif()
    exif[271], exif[272] = "Maker", "Model"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Bytes 24 to 35 are the time of making; the same JPEG is wanted every time.
    return plain_jpeg(exif=exif.tobytes(), icc_profile=profile[:24] + bytes(12) + profile[36:])


def mpf_payload(order, sizes_and_offsets):
    """An MP index of the images (size, offset) in a byte order of struct, "<" or ">"."""
    entries = b"".join(struct.pack(order + "IIIHH", 0x030000, size, offset, 0, 0) for size, offset in sizes_and_offsets)
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 3)
    tiff += struct.pack(order + "HHI", 0xB000, 7, 4) + b"0100"
    tiff += struct.pack(order + "HHII", 0xB001, 4, 1, len(sizes_and_offsets))
    tiff += struct.pack(order + "HHII", 0xB002, 7, len(entries), 8 + 2 + 36 + 4)
    return b"MPF\0" + tiff + struct.pack(order + "I", 0) + entries


def mpf_jpeg(order="<"):
    """A multi-picture file: a second JPEG behind the EOI, found by size and offset in APP2 MPF."""
    first, second = camera_jpeg(), plain_jpeg(quality=50)
    at = next(s.start for s in read_segments(first) if not s.is_app and s.start)
    size = len(first) + len(segment_bytes(APP2, mpf_payload(order, [(0, 0), (0, 0)])))
    header = at + 4 + 4  # offsets count from the TIFF header behind "MPF\0"
    mpf = segment_bytes(APP2, mpf_payload(order, [(size, 0), (len(second), size - header)]))
    return first[:at] + mpf + first[at:] + second


def with_segment(jpeg, marker, payload, behind=0):
    """`jpeg` with a segment put behind the `behind`-th one."""
    at = read_segments(jpeg)[behind].end
    return jpeg[:at] + segment_bytes(marker, payload) + jpeg[at:]


def with_xmp(jpeg):
    """`jpeg` with an XMP packet of somebody else's."""
    return with_segment(jpeg, APP1, XMP, behind=1)


def exif_jpeg(tiff, behind=b"", jpeg=None):
    """A JPEG with this TIFF file as its Exif, right behind APP0, and more bytes behind its EOI."""
    return with_segment(jpeg or plain_jpeg(), APP1, b"Exif\0\0" + tiff, behind=1) + behind


def directory(order, entries, at, link=0):
    """A TIFF directory for the place `at` of (tag, type, count, number or bytes); longer bytes follow it."""
    values, place = b"", at + 2 + 12 * len(entries) + 4
    out = struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        if isinstance(value, bytes) and len(value) > 4:
            value, values = place + len(values), values + value + b"\0" * (len(value) % 2)
        out += struct.pack(order + "HHI", tag, kind, count)
        out += value.ljust(4, b"\0") if isinstance(value, bytes) else struct.pack(order + "I", value)
    return out + struct.pack(order + "I", link) + values


def note_exif(note, order=">"):
    """An Exif's TIFF file with a MakerNote, made by note(place of the note) for its place in the file."""
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "I", 8)
    ifd0 = directory(order, [(34665, 4, 1, 26)], 8)
    place = 26 + 2 + 12 + 4
    data = note(place)
    return head + ifd0 + directory(order, [(37500, 7, len(data), data)], 26)


def pointing(make):
    """A JPEG by make(offset behind its EOI from Exif's TIFF header, preview), which is as long whatever the offset."""
    preview = plain_jpeg(quality=40)
    end = len(make(0, preview)) - len(preview)
    base = plain_jpeg().index(b"\xff\xdb") + 4 + 6  # behind SOI, APP0, the segment's head and "Exif"
    return make(end - base, preview)


def minolta_jpeg():
    """With a preview behind the EOI, to which tags 0x88 and 0x89 of the MakerNote lead; its first byte is spoilt."""

    def make(offset, preview):
        entries = [(0x0088, 4, 1, offset), (0x0089, 4, 1, len(preview))]
        return exif_jpeg(note_exif(lambda place: directory(">", entries, place)), b"\x02" + preview[1:])

    return pointing(make)
