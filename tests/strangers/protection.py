"""XML Encryption and XML Signature over one message, with lxml's canonicalisation and cryptography's algorithms."""

import base64
import hashlib
import hmac
import re

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from keys import DIGESTS, HASHES
from names import (
    C14N, DS, DS_MORE, EXC_C14N, SOAP_MESSAGE_SECURITY, WSSE, WSU, X509_PROFILE, XENC, XENC11,
    child, elements, is_element, name, octets, require,
)

try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:
    TripleDES = algorithms.TripleDES

MACS = {DS + "hmac-sha1": "sha1"} | {DS_MORE + "hmac-sha" + size: "sha" + size for size in ("256", "384", "512")}
RSA = {DS + "rsa-sha1": "sha1"} | {DS_MORE + "rsa-sha" + size: "sha" + size for size in ("256", "384", "512")}
CBC = {XENC + "aes%d-cbc" % (8 * size): size for size in (16, 24, 32)}
GCM = {XENC11 + "aes%d-gcm" % (8 * size): size for size in (16, 24, 32)}


class Document:
    """A message's text, its tree, its ids."""

    def __init__(self, text):
        self.text = text
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            self.root = etree.fromstring(text.encode(), parser)
        except etree.XMLSyntaxError as error:
            require(False, "it is not XML:", error)
        require(self.root.getroottree().docinfo.internalDTD is None, "it has a DOCTYPE")
        self.ids = {}
        for element in self.root.iter():
            require(is_element(element), "it has comments or processing instructions")
            for identity in ids(element):
                require(identity not in self.ids, "the id", identity, "twice")
                self.ids[identity] = element

    def by_id(self, identity):
        require(identity in self.ids, "nothing has the id", identity)
        return self.ids[identity]

    def security(self):
        """The security header; None where there is none."""
        found = self.root.findall("*/{%s}Security" % WSSE)
        require(len(found) <= 1, "several security headers")
        return found[0] if found else None


def ids(element):
    values = [element.get("{%s}Id" % WSU)]
    if name(element)[0] in (DS, XENC):
        values.append(element.get("Id"))
    return [value for value in values if value is not None]


def canonical(element, prefixes=()):
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=list(prefixes))


def canonicalised(element, method):
    """The canonical form that a CanonicalizationMethod or Transform says, in which what is in scope may count."""
    if method.get("Algorithm") == EXC_C14N:
        return canonical(element, _inclusive(method))
    require(method.get("Algorithm") == C14N, "canonicalised with", method.get("Algorithm"))
    # Written by itself, an element declares all that is in scope.
    alone = etree.fromstring(etree.tostring(element, with_tail=False))
    return etree.tostring(alone, method="c14n", exclusive=False, with_comments=False)


class Decrypted:
    """An EncryptedData that was decrypted: what it was in, and what was in it."""

    def __init__(self, data, key, algorithm, plain):
        self.identity, self.type = data.get("Id"), data.get("Type")
        self.key, self.algorithm, self.plain = key, algorithm, plain
        self.parent = name(data.getparent())
        # Whether it was a header block, or what an EncryptedHeader holds.
        self.in_header = any(name(of)[1] == "Header" for of in list(data.iterancestors())[:2]) and (
            name(data.getparent()) != (WSSE, "Security"))
        scope = "".join(
            ' xmlns%s="%s"' % (":" + prefix if prefix else "", uri)
            for prefix, uri in data.getparent().nsmap.items()
            if uri != "http://www.w3.org/XML/1998/namespace"
        )
        try:
            holder = etree.fromstring(("<holder%s>%s</holder>" % (scope, plain)).encode())
        except etree.XMLSyntaxError as error:
            require(False, "what was decrypted is not XML:", error)
        self.names = [name(element) for element in elements(holder)]
        self.ids = [identity for element in elements(holder) for identity in ids(element)]
        if self.type == XENC + "Element":
            require(len(holder) == 1 and not holder.text and not holder[0].tail, "an Element that is not one element")
        else:
            require(self.type == XENC + "Content", "encrypted data of type", self.type)
            require(len(data.getparent()) == 1, "encrypted content that is not alone")


def listed(document, which):
    """What the reference list of that number lists."""
    lists = document.security().findall("{%s}ReferenceList" % XENC)
    require(which < len(lists), len(lists), "reference lists")
    return [of.get("URI") for of in lists[which]]


def decrypt(document, ring, only=None):
    """Decrypts everything, or only what is named; the document that comes of it, and what was decrypted. Everything must be
    listed, once."""
    all_of_it = [of.get("URI") for of in document.root.iter("{%s}DataReference" % XENC)]
    there = ["#" + of.get("Id") for of in document.root.iter("{%s}EncryptedData" % XENC)]
    require(sorted(all_of_it) == sorted(there), "listed as encrypted", all_of_it, "and encrypted", there)
    found = []
    for reference in all_of_it if only is None else only:
        data = document.by_id(reference[1:])
        key, algorithm = _key_of(data, document, ring), child(data, XENC, "EncryptionMethod").get("Algorithm")
        value = octets(child(child(data, XENC, "CipherData"), XENC, "CipherValue"))
        try:
            plain = decipher(algorithm, key.secret, value).decode()
        except UnicodeDecodeError:
            require(False, "what was decrypted is not text")
        found.append(Decrypted(data, key, algorithm, plain))
        document = Document(_spliced(document.text, data.get("Id"), plain))
    return document, found


def _key_of(data, document, ring):
    key_info = child(data, DS, "KeyInfo", optional=True)
    if key_info is not None:
        key = ring.of_key_info(key_info, document)
    else:
        holders = [of for of in document.root.iter("{%s}EncryptedKey" % XENC)
                   if of.find("{%s}ReferenceList/{%s}DataReference[@URI='#%s']" % (XENC, XENC, data.get("Id"))) is not None]
        require(len(holders) == 1, len(holders), "keys list what names none")
        key = ring.of_token(holders[0], document, None)
    require(key.secret is not None, "encrypted under what is no secret")
    return key


def _spliced(text, identity, plain):
    """The text with the plaintext in the place of the EncryptedData of that id: the other octets stay as they are."""
    pattern = r'<((?:[\w.-]+:)?)EncryptedData\b(?=[^>]*\sId="%s")[^>]*>.*?</\1EncryptedData>' % re.escape(identity)
    spliced, times = re.subn(pattern, lambda _: plain, text, count=1, flags=re.S)
    require(times == 1, "the encrypted data", identity, "is not to be found")
    return spliced


def decipher(algorithm, key, value):
    if algorithm in GCM:
        require(len(key) == GCM[algorithm], "a key of", len(key), "octets for", algorithm)
        try:
            return AESGCM(key).decrypt(value[:12], value[12:], None)
        except InvalidTag:
            require(False, "the ciphertext is not authentic")
    if algorithm == XENC + "tripledes-cbc":
        require(len(key) == 24, "a key of", len(key), "octets for", algorithm)
        block, cipher = 8, TripleDES(key)
    else:
        require(algorithm in CBC, "encrypted with", algorithm)
        # Of a session key that is not derived, stacks use the first octets.
        require(len(key) >= CBC[algorithm], "a key of", len(key), "octets for", algorithm)
        block, cipher = 16, algorithms.AES(key[: CBC[algorithm]])
    require(len(value) >= 2 * block and len(value) % block == 0, len(value), "octets of ciphertext")
    decryptor = Cipher(cipher, modes.CBC(value[:block])).decryptor()
    plain = decryptor.update(value[block:]) + decryptor.finalize()
    require(1 <= plain[-1] <= block, "the padding")
    return plain[: -plain[-1]]


class Signature:
    """A signature that was verified: its key, its algorithms, and the elements that it covers. Its references are to
    `document`; the token that made it is in `tokens`, which is decrypted where that was not."""

    def __init__(self, element, document, tokens, ring):
        self.element = element
        info = child(element, DS, "SignedInfo")
        method = child(info, DS, "CanonicalizationMethod")
        self.canonicalisation, self.transforms = method.get("Algorithm"), []
        self.algorithm = child(info, DS, "SignatureMethod").get("Algorithm")
        self.key = ring.of_key_info(child(element, DS, "KeyInfo"), tokens)
        self.value = octets(child(element, DS, "SignatureValue"))
        self.digests, self.covered = set(), []
        for reference in info.findall("{%s}Reference" % DS):
            self.covered.append(self._reference(reference, document, ring))
        require(self.covered, "a signature of nothing")
        self._verify(canonicalised(info, method))

    def _reference(self, reference, document, ring):
        uri = reference.get("URI") or ""
        require(uri.startswith("#"), "a reference to", uri)
        element = document.by_id(uri[1:])
        transforms = elements(child(reference, DS, "Transforms"))
        require(len(transforms) == 1, len(transforms), "transforms")
        algorithm, covered, method = transforms[0].get("Algorithm"), element, transforms[0]
        through = algorithm == SOAP_MESSAGE_SECURITY + "STR-Transform"
        if through:
            require(name(element) == (WSSE, "SecurityTokenReference"), "STR-Transform of", name(element)[1])
            method = child(child(transforms[0], WSSE, "TransformationParameters"), DS, "CanonicalizationMethod")
            require(method.get("Algorithm") == EXC_C14N, "a token canonicalised with", method.get("Algorithm"))
            covered, canon = _dereferenced(element, document, ring, _inclusive(method))
        else:
            self.transforms.append((algorithm, element))
            canon = canonicalised(element, method)
        digest = child(reference, DS, "DigestMethod").get("Algorithm")
        require(digest in DIGESTS, "digested with", digest)
        self.digests.add(digest)
        actual = hashlib.new(DIGESTS[digest], canon).digest()
        require(actual == octets(child(reference, DS, "DigestValue")), "the digest of", name(element)[1])
        return covered

    def _verify(self, signed):
        if self.key.secret is not None:
            require(self.algorithm in MACS, "signed with", self.algorithm, "under a secret")
            actual = hmac.new(self.key.secret, signed, MACS[self.algorithm]).digest()
            require(hmac.compare_digest(actual, self.value), "the signature's value")
            return
        require(self.algorithm in RSA, "signed with", self.algorithm, "under a certificate")
        public = self.key.party.certificate.public_key()
        try:
            public.verify(self.value, signed, padding.PKCS1v15(), HASHES[RSA[self.algorithm]]())
        except InvalidSignature:
            require(False, "the signature's value")

    def covers(self, element):
        return any(covered is element for covered in self.covered)


def _dereferenced(reference, document, ring, prefixes):
    """What a reference stands for (WSS 1.0, section 8.3), with its octets: the token in the message; else the binary token
    that it would be, and then the reference itself is what is covered."""
    direct = child(reference, WSSE, "Reference", optional=True)
    if direct is not None:
        covered = document.by_id(direct.get("URI")[1:])
        canon = canonical(covered, prefixes)
    else:
        party = ring.of_reference(reference, document).party
        require(party is not None, "a reference to no certificate stands for no token")
        token = etree.Element("{%s}BinarySecurityToken" % WSSE, nsmap={reference.prefix: WSSE})
        token.set("ValueType", X509_PROFILE + "X509v3")
        token.text = base64.b64encode(party.der).decode()
        covered, canon = reference, canonical(token)
    start, end = canon.split(b">", 1)
    if b" xmlns=" not in start:
        # Nothing that stands around it may give it a default namespace.
        first, *rest = start.split(b" ")
        start = b" ".join([first, b'xmlns=""', *rest])
    return covered, start + b">" + end


def _inclusive(method):
    prefixes = child(method, EXC_C14N, "InclusiveNamespaces", optional=True)
    return [] if prefixes is None else prefixes.get("PrefixList", "").split()
