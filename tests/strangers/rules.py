"""What a sealed message must be: its shape, what is covered by what, and what its policy says of keys and algorithms."""

import re

from lxml import etree

import supporting
from names import (
    C14N, DS, DS_MORE, EXC_C14N, SOAP, TRUST, WSSE, WSSE11, WSU, XENC, XENC11, child, elements, name, require,
)
from protection import canonical, ids

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
XSI = "http://www.w3.org/2001/XMLSchema-instance"


class Suite:
    """What the name of an algorithm suite means (WS-SecurityPolicy 1.2, section 6.1), as WCF reads it: with its digest,
    SHA-256 changes its signatures. CXF's own suites and those of e-delivery add AES-GCM, and what else their names say."""

    NAME = re.compile(
        r"(?P<cipher>Basic(?P<bits>256|192|128)|TripleDes)(?P<gcm>GCM)?(?P<digest>Sha256)?"
        r"(?P<mask>MGFSHA256|MgfSha256)?(?P<both>Digest)?(?P<rsa15>Rsa15)?(?P<rsa512>RsaSha512)?"
    )

    def __init__(self, suite):
        said = self.NAME.fullmatch(suite)
        require(said, "an unknown suite", suite)
        bits, gcm, digest, rsa15 = said["bits"], said["gcm"], said["digest"] or said["both"], said["rsa15"]
        # e-delivery signs with SHA-256 where CXF's suites of the like name do not.
        sha256 = said["digest"] and (not gcm or not rsa15)
        self.encryption = int(bits or 192) // 8
        self.signature = min(self.encryption, 24)
        self.digest = XENC + "sha512" if said["rsa512"] else XENC + "sha256" if digest else DS + "sha1"
        self.mac = DS_MORE + "hmac-sha256" if sha256 and not gcm else DS + "hmac-sha1"
        self.rsa = DS_MORE + "rsa-sha512" if said["rsa512"] else DS_MORE + "rsa-sha256" if sha256 else DS + "rsa-sha1"
        self.transport = XENC11 + "rsa-oaep" if said["mask"] else XENC + ("rsa-1_5" if rsa15 else "rsa-oaep-mgf1p")
        cipher = XENC11 + "aes%s-gcm" if gcm else XENC + "aes%s-cbc"
        self.cipher = cipher % bits if bits else XENC + "tripledes-cbc"


class Message:
    """A message that was decrypted and whose signatures were verified."""

    def __init__(self, expected, received, signed, plain, decrypted, signatures):
        # `signed` is the document that the signatures are over.
        self.expected, self.received, self.signed, self.plain = expected, received, signed, plain
        self.decrypted, self.signatures = decrypted, signatures
        self.soap = SOAP[expected["soap"]]

    def body(self, document):
        return child(document.root, self.soap, "Body")

    def blocks(self, document):
        header = child(document.root, self.soap, "Header", optional=True)
        return [] if header is None else [block for block in elements(header) if name(block) != (WSSE, "Security")]

    def primary(self):
        """The signature that endorses no other; None over a transport, and where nothing is signed."""
        found = [signature for signature in self.signatures if not self.endorsed_by(signature)]
        if self.expected["binding"] == "transport":
            return None
        require(len(found) == 1, len(found), "primary signatures")
        return found[0]

    def endorsed_by(self, signature):
        return [covered for covered in signature.covered if name(covered) == (DS, "Signature")]


def check(message, request):
    """Everything but the trust messages' content. `request` is the message that this one answers."""
    expected = message.expected
    envelope(message)
    security = message.received.security()
    if security is None:
        require(not expected["secured"], "there is no security header")
        return
    require(expected["secured"], "there is a security header")
    shape(message, security)
    timestamp(message)
    algorithms(message)
    if expected["layout"] == "strict":
        declared_before_used(message)
    primary = message.primary()
    if primary is not None:
        protected_by(message, primary.key)
        if request is not None and expected["binding"] == "symmetric":
            require(primary.key.source == request.primary().key.source, "the answer is under another key than its request")
        coverage(message, primary)
    encryption(message)
    references(message)
    supporting.check(message, primary)
    confirmations(message, primary, request)


def envelope(message):
    """The envelope's own shape, and that the body says what was to be said."""
    expected, root = message.expected, message.plain.root
    require(name(root) == (message.soap, "Envelope"), "the root", root.tag)
    require([name(part)[1] for part in elements(root)] in (["Header", "Body"], ["Body"]), "the envelope's parts")
    if expected["addressing"]:
        found = {}
        for block in message.blocks(message.plain):
            if name(block)[0] == expected["addressing"]:
                require(name(block)[1] not in found, "twice", block.tag)
                found[name(block)[1]] = block
        require(found["Action"].text == expected["action"], "the action", found["Action"].text)
        for local in ("Action", "To"):
            if local in found:
                require(found[local].get("{%s}mustUnderstand" % message.soap) == "1", "not to be understood:", local)
    if expected["body"] is not None:
        wanted = child(etree.fromstring(expected["body"].encode()), message.soap, "Body")
        actual = message.body(message.plain)
        require((actual.text or "") == (wanted.text or ""), "the body's text")
        require(list(map(said, actual)) == list(map(said, wanted)), "the body is another:", canonical(actual))
        blocks = child(etree.fromstring(expected["body"].encode()), message.soap, "Header", optional=True)
        wanted = [] if blocks is None else [(name(block), block.text) for block in blocks]
        actual = [unwrapped(block) for block in message.blocks(message.plain)]
        actual = [(name(block), block.text) for block in actual if name(block)[0] != expected["addressing"]]
        require(actual == wanted, "the header blocks", actual)
    if expected["payload"] is not None:
        payload = [name(element) for element in elements(message.body(message.plain))]
        require(payload == [tuple(expected["payload"])], "in the body:", payload)


def said(element):
    """What an element says: its canonical form, and the names in xsi:type whatever their prefix is."""
    types = []
    for inner in element.iter():
        if inner.get("{%s}type" % XSI):
            prefix, _, local = inner.get("{%s}type" % XSI).rpartition(":")
            types.append((inner.nsmap.get(prefix or None), local))
    return canonical(element), types, element.tail or ""


def shape(message, security):
    require(security.get("{%s}mustUnderstand" % message.soap) == "1", "the security header is not to be understood")
    for document in (message.received, message.plain):
        header = document.security()
        texts = [header.text] + [of.tail for of in header]
        require(not any(texts), "text between the children of Security")
        for element in document.root.iter():
            if name(element)[1] in ("CipherValue", "DigestValue", "SignatureValue", "BinarySecurityToken", "Nonce", "BinarySecret"):
                require(not re.search(r"\s", element.text or ""), "white space in", name(element)[1])


def timestamp(message):
    expected = message.expected["timestamp"]
    found = message.plain.security().findall("{%s}Timestamp" % WSU)
    require(len(found) == (1 if expected else 0), len(found), "timestamps")
    if not expected:
        return
    created, expires = elements(found[0])
    require([name(created), name(expires)] == [(WSU, "Created"), (WSU, "Expires")], "the timestamp's children")
    for instant in (created, expires):
        require(INSTANT.fullmatch(instant.text), "an instant", instant.text)
    require([created.text, expires.text] == expected, "the instants", created.text, expires.text)
    first, last = elements(message.received.security())[0], elements(message.received.security())[-1]
    if message.expected["layout"] == "timestamp first":
        require(name(first) == (WSU, "Timestamp"), "the timestamp is not first")
    if message.expected["layout"] == "timestamp last":
        require(name(last) == (WSU, "Timestamp"), "the timestamp is not last")


def algorithms(message):
    """Every algorithm is the suite's, every derived key of its length."""
    suite = Suite(message.expected["suite"])
    form = C14N if message.expected["inclusive"] else EXC_C14N
    for signature in message.signatures:
        require(signature.canonicalisation == form, "SignedInfo canonicalised with", signature.canonicalisation)
        for algorithm, element in signature.transforms:
            # What is around a header block that was encrypted, or an encrypted token, depends on who decrypted it.
            moves = name(element) == (XENC, "EncryptedData") and element.getparent() is message.signed.security()
            moves = moves or any(of.in_header and set(ids(element)) & set(of.ids) for of in message.decrypted)
            require(algorithm == (EXC_C14N if moves else form), name(element)[1], "transformed with", algorithm)
        require(signature.digests == {suite.digest}, "digested with", signature.digests)
        require(signature.algorithm == (suite.mac if signature.key.secret else suite.rsa), "signed with", signature.algorithm)
        require(signature.key.length in (None, suite.signature), "signed under", signature.key.length, "octets")
    for decrypted in message.decrypted:
        require(decrypted.algorithm == suite.cipher, "encrypted with", decrypted.algorithm)
        require(decrypted.key.length in (None, suite.encryption), "encrypted under", decrypted.key.length, "octets")
    for method in message.received.root.iterfind(".//{%s}EncryptedKey/{%s}EncryptionMethod" % (XENC, XENC)):
        require(method.get("Algorithm") == suite.transport, "transported by", method.get("Algorithm"))


def declared_before_used(message):
    """Strict layout: a token of the header stands before what refers to it."""
    children = elements(message.plain.security())
    place = {}
    for at, token in enumerate(children):
        for identity in (token.get("Id"), token.get("{%s}Id" % WSU)):
            place[identity] = at
    for at, user in enumerate(children):
        for reference in user.iter("{%s}Reference" % WSSE):
            target = (reference.get("URI") or "")[1:]
            require(place.get(target, -1) < at, name(user)[1], "uses what comes later")


def protected_by(message, key):
    """The primary key is the one that the policy means, and derived where it says so."""
    expected = message.expected["protection"]
    require(list(map(plain_octets, key.source[: len(expected)])) == expected, "protected by", key.source)
    if message.expected["derived"] is not None and key.secret is not None:
        require(key.how == message.expected["derived"], "signed under a key that is derived:", key.how)


def references(message):
    """Where the policy says where references to a context or a certificate lead, they lead there: to a token in the message,
    or to none."""
    if message.expected["refers"] is None:
        return
    uris = [reference.get("URI") for reference in message.plain.security().iter("{%s}Reference" % WSSE)]
    local = [name(message.plain.by_id(uri[1:]))[1] for uri in uris if uri.startswith("#")]
    inside = [of for of in local if of in ("SecurityContextToken", "BinarySecurityToken")]
    outside = [uri for uri in uris if not uri.startswith("#")] + message.plain.security().findall(
        ".//{%s}KeyIdentifier" % WSSE
    )
    wanted, others = (inside, outside) if message.expected["refers"] == "inside" else (outside, inside)
    require(wanted and not others, "references lead", "inside:", inside, "outside:", outside)


def plain_octets(word):
    return word.hex() if isinstance(word, bytes) else word


def coverage(message, primary):
    """The primary signature covers what the policy signs, and the timestamp."""
    signed = message.expected["signed"]
    if signed["body"]:
        require(primary.covers(message.body(message.signed)), "the body is not signed")
    for block, plain in zip(message.blocks(message.signed), message.blocks(message.plain)):
        if named(signed["headers"], name(unwrapped(plain))):
            require(primary.covers(block) or primary.covers(unwrapped(block)), "not signed:", name(unwrapped(plain))[1])
    for stamp in message.signed.security().findall("{%s}Timestamp" % WSU):
        require(primary.covers(stamp), "the timestamp is not signed")
    for token in elements(message.plain.security()):
        if name(token)[1] in message.expected["signed_tokens"]:
            require(primary.covers(message.signed.by_id(supporting.signed_as(message, token))), "not signed:", name(token)[1])
    if message.expected["protects"]:
        for token in signing_tokens(message, primary):
            require(primary.covers(token), "the token that signs is not signed:", name(token)[1])


def unwrapped(block):
    """A header block out of the EncryptedHeader that it was, or still is, encrypted in."""
    return block if name(block) != (WSSE11, "EncryptedHeader") else elements(block)[0]


def signing_tokens(message, primary):
    """The token that makes the primary signature, where it is in the message; a reference stands for a certificate that is
    not."""
    source, security = primary.key.source, message.signed.security()
    if source[0] == "context":
        tokens = [token for of in TRUST for token in security.findall("{%s}SecurityContextToken" % of)]
        return [token for token in tokens if list(context_of(token)) == list(source[1:])]
    if source[0] == "encrypted key":
        return security.findall("{%s}EncryptedKey" % XENC)
    reference = elements(child(primary.element, DS, "KeyInfo"))[0]
    direct = child(reference, WSSE, "Reference", optional=True)
    return [reference if direct is None else message.signed.by_id(direct.get("URI")[1:])]


def context_of(token):
    namespace = name(token)[0]
    return token.findtext("{%s}Identifier" % namespace), token.findtext("{%s}Instance" % namespace)


def named(headers, of):
    return any(namespace == of[0] and local in (None, of[1]) for namespace, local in headers)


def encryption(message):
    """What the policy encrypts is, under the key that it means, and nothing that it does not."""
    expected, encrypted = message.expected, message.expected["encrypted"]
    body = message.body(message.received)
    hidden = [name(part) for part in body] == [(XENC, "EncryptedData")] and not (body.text or body[0].tail)
    require(hidden == encrypted["body"], "the body is encrypted:", hidden)
    for block in message.blocks(message.received):
        require(not named(encrypted["headers"], name(block)), "not encrypted:", name(block)[1])
    hidden_elements(message)
    for decrypted in message.decrypted:
        source = expected["encryption"]
        require(list(map(plain_octets, decrypted.key.source[: len(source)])) == source, "encrypted under", decrypted.key.source)
        if expected["derived"] is not None:
            require(decrypted.key.how == expected["derived"], "encrypted under a key that is derived:", decrypted.key.how)
    in_clear = [name(part)[1] for part in message.received.security()]
    if expected["signature_encrypted"]:
        require("Signature" not in in_clear and "SignatureConfirmation" not in in_clear, "a signature in clear")
    elif expected["binding"] != "transport":
        require("Signature" in in_clear, "the signature is encrypted")


def hidden_elements(message):
    """Elements that the policy encrypts by their paths came out of encrypted ones, and so did what is within those whose
    content it encrypts; and no others that are in the body or within header blocks."""
    hidden = message.expected["hidden"]
    elements_of, contents_of = ([tuple(of) for of in hidden[kind]] for kind in ("elements", "contents"))
    for element in message.received.root.iter():
        require(name(element) not in elements_of, "an element in clear:", name(element)[1])
        if name(element) in contents_of:
            only = [name(part) for part in element] == [(XENC, "EncryptedData")] and not (element.text or element[0].tail)
            require(only and element[0].get("Type") == XENC + "Content", "content in clear of", name(element)[1])
    there = sum(name(element) in elements_of for element in message.plain.root.iter())
    out = [of.names[0] for of in message.decrypted if of.type == XENC + "Element" and of.names[0] in elements_of]
    require(there == len(out), there, "elements, and decrypted", len(out))
    for decrypted in message.decrypted:
        if decrypted.type == XENC + "Content":
            require(decrypted.parent in [(message.soap, "Body")] + contents_of, "hidden content of", decrypted.parent[1])
        elif decrypted.parent not in [(WSSE, "Security"), (message.soap, "Header"), (WSSE11, "EncryptedHeader")]:
            require(decrypted.names[0] in elements_of, "a hidden element", decrypted.names[0][1])


def confirmations(message, primary, request):
    """A SignatureConfirmation for each signature of the request, or an empty one where it had none."""
    found = message.plain.security().findall("{%s}SignatureConfirmation" % WSSE11)
    if not message.expected["confirms"]:
        require(not found, "confirmations that nobody asked for")
        return
    wanted = [signature.element.findtext("{%s}SignatureValue" % DS) for signature in request.signatures] or [None]
    require(sorted(map(str, wanted)) == sorted(str(of.get("Value")) for of in found), "the confirmations")
    if primary is not None:
        signed = message.signed.security().findall("{%s}SignatureConfirmation" % WSSE11)
        require(all(primary.covers(of) for of in signed), "a confirmation is not signed")
