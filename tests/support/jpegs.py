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
    entries = b"".join(
        struct.pack(order + "IIIHH", 0x030000, size, offset, 0, 0) for size, offset in sizes_and_offsets
    )
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
