"""Makes the vectors of this directory anew, with a third implementation: Python's cryptography."""

import base64
import itertools
import pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

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
