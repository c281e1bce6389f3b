"""Content Credentials, by the C2PA's own library: void in a JPEG that gets a RAW, whole in one that has one."""

import datetime
import io
import json
import random

import pytest
from jpegs import camera_jpeg, mpf_jpeg
from rawinlay.bitstream.jpeg.embed import embed, extract, strip
from rawinlay.bitstream.jpeg.file import Jpeg

c2pa = pytest.importorskip("c2pa")
x509 = pytest.importorskip("cryptography.x509")
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

PAYLOAD = b"RWIN" + random.Random(5).randbytes(150_000)
VOID = "assertion.dataHash.mismatch"


def certificate(name, key, issuer, signed_by, authority):
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(True, False, False, False, False, authority, authority, False, False)
    made = x509.CertificateBuilder(
        named(issuer), named(name), key.public_key(), x509.random_serial_number(), now - datetime.timedelta(days=1),
        now + datetime.timedelta(days=9),
    )  # fmt: skip
    made = made.add_extension(x509.BasicConstraints(authority, None), critical=True)
    made = made.add_extension(usage, critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    known = x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key())
    made = made.add_extension(known, critical=False)
    if not authority:
        mail = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION])
        made = made.add_extension(mail, critical=False)
    return made.sign(signed_by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def named(name):
    kinds = ((x509.oid.NameOID.COMMON_NAME, name), (x509.oid.NameOID.ORGANIZATION_NAME, "tests"))
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in kinds])


@pytest.fixture(scope="module")
def sign():
    """Signs a JPEG by keys that are made on the spot."""
    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    chain = certificate("leaf", leaf, "root", root, False) + certificate("root", root, "root", root, True)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    told = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, chain, leaf.private_bytes(*form), None)
    signer = c2pa.Signer.from_info(told)
    kind = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    action = {"action": "c2pa.created", "digitalSourceType": kind}
    manifest = {
        "claim_generator_info": [{"name": "test", "version": "1"}], "title": "t", "format": "image/jpeg",
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }  # fmt: skip

    def signed(jpeg):
        out = io.BytesIO()
        c2pa.Builder(json.dumps(manifest)).sign(signer, "image/jpeg", io.BytesIO(jpeg), out)
        return out.getvalue()

    return signed


def faults(jpeg):
    """What C2PA's reader finds wrong, but for a certificate that nobody trusts."""
    found = json.loads(c2pa.Reader("image/jpeg", io.BytesIO(jpeg)).json()).get("validation_status", [])
    return {status["code"] for status in found} - {"signingCredential.untrusted"}


def test_a_raw_voids_a_signature_which_is_told_and_strip_gives_it_back(sign):
    signed = sign(camera_jpeg())
    assert not faults(signed) and "Content Credentials" in Jpeg(signed).warnings[0]
    carrier = embed(signed, PAYLOAD)
    assert faults(carrier) == {VOID} and extract(carrier) == PAYLOAD
    assert strip(carrier) == signed


@pytest.mark.parametrize("jpeg", [camera_jpeg(), mpf_jpeg()])
def test_what_is_signed_with_its_raw_stays_signed_and_keeps_it(sign, jpeg):
    signed = sign(embed(jpeg, PAYLOAD))
    assert not faults(signed) and extract(signed) == PAYLOAD
    assert faults(strip(signed)) == {VOID}
    again = sign(embed(signed, PAYLOAD[:9]))
    assert extract(again) == PAYLOAD[:9] and not faults(again)
