"""Makes the vectors of this directory anew, with a third implementation: Python's cryptography."""

import base64
import itertools
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

here = pathlib.Path(__file__).parent
key = serialization.load_pem_private_key((here / "leaf.key.pem").read_bytes(), None)
digests = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}


def write(name: str, octets: bytes) -> None:
    (here / f"{name}.b64").write_bytes(base64.encodebytes(octets))


for (digest, hash), (mask, mask_hash) in itertools.product(digests.items(), digests.items()):
    oaep = padding.OAEP(padding.MGF1(mask_hash()), hash(), None)
    write(f"oaep-{digest}-{mask}", key.public_key().encrypt(bytes(range(32)), oaep))
for digest, hash in digests.items():
    write(f"rsa-{digest}", key.sign(b"Nuncio", padding.PKCS1v15(), hash()))

# Signatures by the right key whose encoding is not the one and only ([RFC 8017] section 9.2): each must be refused.
numbers = key.private_numbers()
modulus, size = numbers.public_numbers.n, key.key_size // 8
digest = hashes.Hash(hashes.SHA1())
digest.update(b"Nuncio")
digest = digest.finalize()
info = bytes.fromhex("3021300906052b0e03021a05000414")
padded = b"\x00\x01" + b"\xff" * (size - 3 - len(info) - 20) + b"\x00" + info + digest
malformed = {
    "short-padding": b"\x00\x01" + b"\xff" * 8 + b"\x00" + info + digest + b"\x00" * (size - 11 - len(info) - 20),
    "no-null": b"\x00\x01" + b"\xff" * (size - 36) + b"\x00" + bytes.fromhex("301f300706052b0e03021a0414") + digest,
    "long-length": b"\x00\x01" + b"\xff" * (size - 39) + b"\x00" + b"\x30\x81" + info[1:] + digest,
    "block-type-2": padded.replace(b"\x00\x01", b"\x00\x02", 1),
    "padding-octet": padded.replace(b"\xff\xff", b"\xff\xfe", 1),
    "bare-digest": b"\x00\x01" + b"\xff" * (size - 23) + b"\x00" + digest,
}
for name, encoded in malformed.items():
    assert len(encoded) == size, name
    write(f"malformed-{name}", pow(int.from_bytes(encoded), numbers.d, modulus).to_bytes(size))
assert pow(int.from_bytes(padded), numbers.d, modulus).to_bytes(size) == key.sign(b"Nuncio", padding.PKCS1v15(), hashes.SHA1())

# RSA 1.5 ([RFC 8017] section 7.2): one that is sound, around the octets 0 to 31, and what is malformed or of a length that
# nobody asked for. The octets 0 to 31 stand at the end wherever there is room.
secret = bytes(range(32))
filler = b"\x42" * (size - 3 - len(secret))
encodings = {
    "first-octet": b"\x01\x02" + filler + b"\x00" + secret,
    "block-type-1": b"\x00\x01" + filler + b"\x00" + secret,
    "block-type-0": b"\x00\x00" + filler + b"\x00" + secret,
    "no-zero": b"\x00\x02" + b"\x42" * (size - 2),
    **{f"zero-at-{at}": b"\x00\x02" + b"\x42" * (at - 2) + b"\x00" + b"\x42" * (size - 1 - at) for at in (2, 3, 8, 9)},
    "zeros": b"\x00" * (size - 1) + b"\x02",
    "ones": b"\x00" + b"\xff" * (size - 1),
    "empty": b"\x00\x02" + b"\x42" * (size - 3) + b"\x00",
    "long": b"\x00\x02" + b"\x42" * 8 + b"\x00" + b"\x42" * (size - 11),
}
write("rsa15", key.public_key().encrypt(secret, padding.PKCS1v15()))
for name, encoded in encodings.items():
    assert len(encoded) == size, name
    write(f"rsa15-{name}", pow(int.from_bytes(encoded), numbers.public_numbers.e, modulus).to_bytes(size))

# ECDSA: r and s side by side, and the form of OpenSSL, which is not that of XML Signature.
key = serialization.load_pem_private_key((here / "ec.key.pem").read_bytes(), None)
for digest in ("sha256", "sha384", "sha512"):
    signature = key.sign(b"Nuncio", ec.ECDSA(digests[digest]()))
    write(f"ecdsa-{digest}", b"".join(number.to_bytes(32) for number in utils.decode_dss_signature(signature)))
    write(f"ecdsa-{digest}-der", signature)
