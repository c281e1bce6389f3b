"""A JPEG signed with Content Credentials by c2pa-python, under a certificate that is made for the occasion."""

import datetime
import io
import json


def chain():
    """(certificates as PEM, private key as PEM): of a leaf that may sign, and of who made it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(common):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common), x509.NameAttribute(
            NameOID.ORGANIZATION_NAME, "rawinlay's tests")])  # fmt: skip

    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]

    def builder(common, key):
        made = x509.CertificateBuilder().subject_name(name(common)).issuer_name(name("root"))
        made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
        day = datetime.timedelta(days=1)
        made = made.not_valid_before(now - day).not_valid_after(now + 30 * day)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key())
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        return made.add_extension(issuer, False).add_extension(own, False)

    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
              "decipher_only")  # fmt: skip
    use = dict.fromkeys(unused, False)
    root = builder("root", keys[0]).add_extension(x509.BasicConstraints(True, None), True).add_extension(
        x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **use), True)  # fmt: skip
    leaf = builder("signer", keys[1]).add_extension(x509.BasicConstraints(False, None), True).add_extension(
        x509.KeyUsage(digital_signature=True, key_cert_sign=False, crl_sign=False, **use), True).add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)  # fmt: skip
    signed = [part.sign(keys[0], hashes.SHA256()) for part in (leaf, root)]
    pem = b"".join(part.public_bytes(serialization.Encoding.PEM) for part in signed)
    key = keys[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())  # fmt: skip
    return pem, key


def signed(jpeg):
    """The JPEG with Content Credentials."""
    import c2pa

    certificates, key = chain()
    about = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=certificates, private_key=key, ta_url=None)
    manifest = {"claim_generator_info": [{"name": "rawinlay's tests", "version": "1"}], "title": "a photograph",
                "format": "image/jpeg", "assertions": [{"label": "c2pa.actions", "data": {"actions": [
                    {"action": "c2pa.created", "digitalSourceType":
                     "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"}]}}]}  # fmt: skip
    out = io.BytesIO()
    with c2pa.Signer.from_info(about) as signer, c2pa.Builder(json.dumps(manifest)) as builder:
        builder.sign(signer, "image/jpeg", io.BytesIO(jpeg), out)
    return out.getvalue()


def state(jpeg):
    """What c2pa-python says of a signed JPEG: "Valid", "Invalid", or "Trusted"."""
    import c2pa

    with c2pa.Reader("image/jpeg", io.BytesIO(jpeg)) as reader:
        return json.loads(reader.json())["validation_state"]
