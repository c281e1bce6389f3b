"""XMP packets of several sources as one: the first one's properties, then what only the next have.

Packets are untrusted: of bounded size, without entities; what can't be read is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.dom import minidom
from xml.dom.minidom import Element
from xml.parsers.expat import ExpatError

from ..errors import InputError

MAX_PACKET = 1 << 20
MAX_DEPTH = 64
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMLNS, XML = "http://www.w3.org/2000/xmlns/", "http://www.w3.org/XML/1998/namespace"
OURS = "http://ns.rawinlay.org/1/"
HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_EMPTY = (
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">'
    '<rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
)
FOOT = '<?xpacket end="w"?>'

_XMP = "http://ns.adobe.com/xap/1.0/"
_OF_A_JPEG = frozenset({
    "http://purl.org/dc/elements/1.1/", "http://ns.adobe.com/photoshop/1.0/", _XMP + "rights/",
    "http://ns.adobe.com/lightroom/1.0/", "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "http://ns.useplus.org/ldf/xmp/1.0/", "http://www.digikam.org/ns/1.0/",
    "http://ns.microsoft.com/photo/1.0/", "http://ns.microsoft.com/photo/1.0", "http://ns.acdsee.com/iptc/1.0/",
    "http://www.metadataworkinggroup.com/schemas/regions/", "http://ns.adobe.com/exif/1.0/aux/", _XMP,
})  # fmt: skip
"""Namespaces of what people say of a picture, whichever file shows it. Others are of the JPEG: how it was developed,
what is in it."""
_NOT_OF_A_JPEG = frozenset({
    "format", "CreatorTool", "MetadataDate", "ModifyDate", "Thumbnails", "ColorMode", "ICCProfile", "History",
    "LegacyIPTCDigest", "DocumentAncestors", "SidecarForExtension", "EmbeddedXMPDigest",
})  # fmt: skip


def merged(packets: Sequence[bytes], of_a_jpeg: bytes | None = None) -> bytes:
    """One packet, without padding, of all these; of the one of a JPEG, only what people say of the picture.

    InputError where the first packet can't be read; the next are passed over then.
    """
    first = _rdf(packets[0]) if packets else None
    known: set[tuple[str | None, str]] = set()
    out: list[str] = []
    for number, packet in enumerate([*packets, *([of_a_jpeg] if of_a_jpeg else [])]):
        try:
            rdf = first if first is not None and number == 0 else _rdf(packet)
        except InputError:
            continue
        about = known.copy()
        for description in _descriptions(rdf):
            found = _kept(description, about, jpeg=number == len(packets))
            known |= found
            if found:
                out.append(_text(description))
    if not out:
        return b""
    body = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">{"".join(out)}</rdf:RDF></x:xmpmeta>'
    return (HEAD + body + FOOT).encode("utf-8")


def properties(packet: bytes) -> dict[str, str]:
    """Each property of a packet by "prefix:name", as text; empty for one that can't be read."""
    return {tag: text for tag, _, _, text in _texts(packet)}


def values(packet: bytes) -> dict[tuple[str, str], str]:
    """The same by namespace and name, whatever its prefix."""
    return {(namespace, name): text for _, namespace, name, text in _texts(packet)}


def _texts(packet: bytes) -> Iterator[tuple[str, str, str, str]]:
    """Tag, namespace, name and text of each property."""
    try:
        rdf = _rdf(packet)
    except InputError:
        return
    for description in _descriptions(rdf):
        for attribute in _own_attributes(description):
            yield attribute.name, attribute.namespaceURI or "", attribute.localName or "", attribute.value
        for child in _elements(description):
            texts = [n.data.strip() for e in [child, *child.getElementsByTagName("*")] for n in e.childNodes
                     if n.nodeType in (n.TEXT_NODE, n.CDATA_SECTION_NODE)]  # fmt: skip
            more = [a.value for e in child.getElementsByTagName("*") for a in _own_attributes(e)]
            text = "; ".join(t for t in [*texts, *more] if t)
            yield child.tagName, child.namespaceURI or "", child.localName or "", text


def with_properties(packet: bytes, values: Mapping[tuple[str, str, str], str | None]) -> bytes:
    """A packet in which these properties, by namespace, prefix and name, are these texts, or gone where None; all else
    stays. Without a packet, b"", a new one. InputError for one that can't be read."""
    rdf = _rdf(packet or _EMPTY.encode())
    document: Any = rdf.ownerDocument
    found = _descriptions(rdf)
    if not found:
        found = [document.createElementNS(RDF, f"{rdf.prefix}:Description" if rdf.prefix else "Description")]
        found[0].setAttributeNS(RDF, "rdf:about", "")
        rdf.appendChild(found[0])
    names = {(namespace, name) for namespace, _, name in values}
    for description in found:
        node: Any
        for node in [*_own_attributes(description), *_elements(description)]:
            if (node.namespaceURI, node.localName) in names:
                if isinstance(node, minidom.Attr):
                    description.removeAttributeNode(node)
                else:
                    description.removeChild(node)
    for (namespace, prefix, name), text in values.items():
        if text is not None:
            prefix = _declared(found[0], namespace, prefix)
            found[0].setAttributeNS(namespace, f"{prefix}:{name}", text)
    body = document.documentElement.toxml()
    return (HEAD + "\n" + body + "\n" + FOOT + "\n").encode("utf-8")


def _declared(description: Element, namespace: str, prefix: str) -> str:
    """A prefix that stands for a namespace at a description: its own, or one that is free, declared there."""
    at: Any = description
    taken: dict[str, str] = {}
    while isinstance(at, Element):
        for attribute in _attributes(at):
            if attribute.namespaceURI == XMLNS and attribute.prefix == "xmlns":
                taken.setdefault(attribute.localName, attribute.value)
        at = at.parentNode
    known = next((name for name, value in taken.items() if value == namespace), None)
    if known:
        return known
    while prefix in taken:
        prefix += "1"
    description.setAttributeNS(XMLNS, f"xmlns:{prefix}", namespace)
    return prefix


def _rdf(packet: bytes) -> Element:
    """The packet's rdf:RDF; InputError where there is none to read."""
    text = packet.strip(b"\0 \t\r\n")
    if len(text) > MAX_PACKET:
        raise InputError("the XMP is over 1 MB")
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE) or text[:2] in (b"\xfe\xff", b"\xff\xfe"):
        raise InputError("the XMP has a document type, or is not UTF-8")
    depth = deepest = 0
    for tag in re.finditer(rb"<(/?)[A-Za-z_][^<>]*?(/?)>", text):
        depth += -1 if tag[1] else 0 if tag[2] else 1
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise InputError("the XMP is nested too deeply")
    text = re.sub(rb"<\?xpacket[^>]{0,200}\?>", b"", text).strip(b"\0 \t\r\n\xef\xbb\xbf")
    try:
        document = minidom.parseString(text)
    except (ExpatError, ValueError, RecursionError, LookupError) as error:
        raise InputError(f"the XMP can't be read ({error})") from None
    found = document.getElementsByTagNameNS(RDF, "RDF")
    if not found:
        raise InputError("the XMP has no rdf:RDF")
    return found[0]


def _elements(parent: Element) -> list[Element]:
    return [n for n in parent.childNodes if isinstance(n, Element)]


def _descriptions(rdf: Element) -> list[Element]:
    return [e for e in _elements(rdf) if (e.namespaceURI, e.localName) == (RDF, "Description")]


def _own_attributes(element: Element) -> list[minidom.Attr]:
    return [a for a in _attributes(element) if a.namespaceURI not in (None, XMLNS, XML, RDF)]


def _attributes(element: Element) -> list[minidom.Attr]:
    found: Any = element.attributes
    return [found.item(k) for k in range(found.length)]


def _kept(description: Element, known: set[tuple[str | None, str]], jpeg: bool) -> set[tuple[str | None, str]]:
    """Take from a description what is known already, and of a JPEG's what is the file's alone; what is left of it."""
    left: set[tuple[str | None, str]] = set()
    node: Any
    for node in [*_own_attributes(description), *_elements(description)]:
        name = (node.namespaceURI, node.localName)
        foreign = jpeg and (name[0] not in _OF_A_JPEG or name[1] in _NOT_OF_A_JPEG)
        if name not in known and not foreign and name[0] != OURS:
            left.add(name)
        elif isinstance(node, minidom.Attr):
            description.removeAttributeNode(node)
        else:
            description.removeChild(node)
    return left


def _text(description: Element) -> str:
    """A description with all the prefixes that are declared around it, without white space between its elements."""
    above: Any = description.parentNode
    while isinstance(above, Element):
        for attribute in _attributes(above):
            if attribute.namespaceURI == XMLNS and not description.hasAttribute(attribute.name):
                description.setAttributeNS(XMLNS, attribute.name, attribute.value)
        above = above.parentNode
    _without_blanks(description)
    used = {e.prefix for e in [description, *description.getElementsByTagName("*")]}
    used |= {a.prefix for e in [description, *description.getElementsByTagName("*")]
             for a in _attributes(e)}  # fmt: skip
    for attribute in _attributes(description):
        if attribute.prefix == "xmlns" and attribute.localName not in used:
            description.removeAttributeNode(attribute)
    return str(description.toxml())


def _without_blanks(element: Element) -> None:
    for node in list(element.childNodes):
        if isinstance(node, Element):
            _without_blanks(node)
        elif node.nodeType == node.COMMENT_NODE or (
            node.nodeType == node.TEXT_NODE and not node.data.strip() and len(element.childNodes) > 1
        ):
            element.removeChild(node)
