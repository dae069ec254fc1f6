"""From a reference in a message to a key: WSS 1.1's reference forms, encrypted keys, derived keys, security contexts."""

import hashlib
import hmac

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from names import (
    DS, SOAP_MESSAGE_SECURITY, TRUST, USERNAME_PROFILE, WSS11, WSSE, WSSE11, WSU, X509_PROFILE, XENC, XENC11,
    base64_octets, child, elements, name, octets, require,
)

DEFAULT_LABEL = b"WS-SecureConversation" * 2
DIGESTS = {
    "http://www.w3.org/2000/09/xmldsig#sha1": "sha1",
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
# The digest of the mask generation function of RSA-OAEP in XML Encryption 1.1.
MASKS = {XENC11 + "mgf1" + digest: digest for digest in ("sha1", "sha256", "sha384", "sha512")}
HASHES = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}


def p_sha1(secret, seed, length):
    """The first octets of P_SHA-1 (RFC 2246, section 5)."""
    out, chained = b"", seed
    while len(out) < length:
        chained = hmac.new(secret, chained, hashlib.sha1).digest()
        out += hmac.new(secret, chained + seed, hashlib.sha1).digest()
    return out[:length]


class Party:
    """Whose certificate and key we have."""

    def __init__(self, who, certificate, key):
        self.who = who
        self.certificate = x509.load_pem_x509_certificate(certificate)
        self.key = serialization.load_pem_private_key(key, None)
        self.der = self.certificate.public_bytes(serialization.Encoding.DER)

    def identifier(self):
        return self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


class Key:
    """A key in use. `source` says what it comes from: a kind and a name. One that is derived says how, and its length."""

    def __init__(self, source, secret=None, party=None, how="none", length=None):
        self.source, self.secret, self.party, self.how, self.length = source, secret, party, how, length

    def derive(self, how, label, nonce, start, length):
        """The key of that length that is derived from this one."""
        require(self.secret is not None, "derived from what is no secret")
        require(self.how == "none", "derived from what was derived")
        return Key(self.source, secret=p_sha1(self.secret, label + nonce, start + length)[start:], how=how, length=length)


class Ring:
    """The keys of one conversation."""

    def __init__(self, parties, users):
        self.parties = parties
        self.users = users  # name: password
        self.contexts = {}  # (identifier, instance or None): key
        self.wrapped = {}  # SHA-1 of what an EncryptedKey holds: (who it is for, key)

    def party_by(self, test, how):
        found = [party for party in self.parties if test(party)]
        require(len(found) == 1, len(found), "certificates by", how)
        return found[0]

    def of_key_info(self, key_info, document):
        """The key that a ds:KeyInfo names."""
        only = elements(key_info)
        require(len(only) == 1, len(only), "children of KeyInfo")
        if name(only[0]) == (XENC, "EncryptedKey"):
            return self.of_token(only[0], document, None)
        require(name(only[0]) == (WSSE, "SecurityTokenReference"), "KeyInfo with", name(only[0])[1])
        return self.of_reference(only[0], document)

    def of_reference(self, reference, document):
        """The key that a wsse:SecurityTokenReference names, or the one that its attributes derive from that."""
        key = self._named(reference, document)
        for namespace in TRUST:
            nonce = reference.get("{%s}Nonce" % namespace)
            if nonce is not None:
                length = int(reference.get("{%s}Length" % namespace, "32"))
                return key.derive("implied", DEFAULT_LABEL, base64_octets(nonce, "Nonce"), 0, length)
        return key

    def _named(self, reference, document):
        only = elements(reference)
        require(len(only) == 1, len(only), "children of SecurityTokenReference")
        kind = name(only[0])
        if kind == (WSSE, "Reference"):
            return self._direct(reference, only[0], document)
        if kind == (WSSE, "KeyIdentifier"):
            return self._identified(only[0])
        if kind == (DS, "X509Data"):
            pair = child(only[0], DS, "X509IssuerSerial")
            issuer, serial = child(pair, DS, "X509IssuerName").text, child(pair, DS, "X509SerialNumber").text
            party = self.party_by(
                lambda party: party.certificate.serial_number == int(serial)
                and _same_name(party.certificate.issuer.rfc4514_string(), issuer),
                "issuer and serial number",
            )
            return Key(("certificate", party.who), party=party)
        require(kind == (WSSE, "Embedded"), "a reference by", kind[1])
        return self.of_token(elements(only[0])[0], document, None)

    def _direct(self, outer, reference, document):
        uri, value_type = reference.get("URI"), reference.get("ValueType")
        if uri.startswith("#"):
            token = document.by_id(uri[1:])
            token_type = outer.get("{%s}TokenType" % WSSE11)
            return self.of_token(token, document, value_type or token_type)
        namespace = next((of for of in TRUST if value_type == of + "/sct"), None)
        require(namespace, "a reference to", uri, "of", value_type)
        instance = [value for key, value in list(outer.attrib.items()) + list(reference.attrib.items())
                    if key == "{%s}Instance" % namespace]
        return self.context(uri, instance[0] if instance else None)

    def _identified(self, identifier):
        value_type = identifier.get("ValueType")
        value = base64_octets(identifier.text, "KeyIdentifier")
        require(identifier.get("EncodingType") in (None, SOAP_MESSAGE_SECURITY + "Base64Binary"), "an encoding")
        if value_type == WSS11 + "EncryptedKeySHA1":
            require(value in self.wrapped, "no encrypted key was seen with that SHA-1")
            owner, secret = self.wrapped[value]
            return Key(("encrypted key", owner, value), secret=secret)
        if value_type == WSS11 + "ThumbprintSHA1":
            party = self.party_by(lambda party: hashlib.sha1(party.der).digest() == value, "thumbprint")
        else:
            require(value_type == X509_PROFILE + "X509SubjectKeyIdentifier", "an identifier of", value_type)
            party = self.party_by(lambda party: party.identifier() == value, "subject key identifier")
        return Key(("certificate", party.who), party=party)

    def context(self, identifier, instance):
        require((identifier, instance) in self.contexts, "an unknown context", identifier, instance)
        return Key(("context", identifier, instance), secret=self.contexts[identifier, instance])

    def of_token(self, token, document, value_type):
        """The key of a token in the message. What a reference says of its type must be so."""
        namespace, local = name(token)
        if (namespace, local) == (XENC, "EncryptedKey"):
            require(value_type in (None, WSS11 + "EncryptedKey"), "an EncryptedKey referred to as", value_type)
            return self._unwrapped(token, document)
        if (namespace, local) == (WSSE, "BinarySecurityToken"):
            require(token.get("ValueType") == X509_PROFILE + "X509v3", "a token of", token.get("ValueType"))
            require(value_type in (None, X509_PROFILE + "X509v3"), "a certificate referred to as", value_type)
            der = octets(token)
            party = self.party_by(lambda party: party.der == der, "itself")
            return Key(("certificate", party.who), party=party)
        if (namespace, local) == (WSSE, "UsernameToken"):
            require(value_type in (None, USERNAME_PROFILE + "UsernameToken"), "a user name referred to as", value_type)
            return self._of_password(token)
        if local == "SecurityContextToken" and namespace in TRUST:
            require(value_type in (None, namespace + "/sct"), "a context referred to as", value_type)
            instance = child(token, namespace, "Instance", optional=True)
            return self.context(child(token, namespace, "Identifier").text, None if instance is None else instance.text)
        require(local == "DerivedKeyToken" and namespace in TRUST, "no key comes of", local)
        require(value_type in (None, namespace + "/dk"), "a derived key referred to as", value_type)
        return self._derived(token, namespace, document)

    def _of_password(self, token):
        """The key of a user's password (WSS UsernameToken Profile 1.1, section 4)."""
        user = child(token, WSSE, "Username").text
        salt, iteration = octets(child(token, WSSE11, "Salt")), child(token, WSSE11, "Iteration", optional=True)
        require(child(token, WSSE, "Password", optional=True) is None, "a password beside a salt")
        require(user in self.users, "an unknown user", user)
        require(len(salt) == 16 and salt[0] == 1, "a salt that is not for signatures")
        times = 1000 if iteration is None else int(iteration.text)
        require(1000 <= times <= 10000, "hashed so often:", times)
        secret = self.users[user].encode() + salt
        for _ in range(times):
            secret = hashlib.sha1(secret).digest()
        return Key(("user", user), secret=secret)

    def _derived(self, token, namespace, document):
        algorithm = token.get("Algorithm") or token.get("{%s}Algorithm" % namespace)
        require(algorithm in (None, namespace + "/dk/p_sha1"), "derived with", algorithm)
        source = self.of_reference(child(token, WSSE, "SecurityTokenReference"), document)

        def number(local, otherwise):
            found = child(token, namespace, local, optional=True)
            return otherwise if found is None else int(found.text)

        length, generation, offset = number("Length", 32), number("Generation", None), number("Offset", None)
        require(generation is None or offset is None, "a generation and an offset")
        start = generation * length if generation is not None else offset or 0
        label = child(token, namespace, "Label", optional=True)
        label = DEFAULT_LABEL if label is None else label.text.encode()
        return source.derive("explicit", label, octets(child(token, namespace, "Nonce")), start, length)

    def _unwrapped(self, token, document):
        party = self.of_key_info(child(token, DS, "KeyInfo"), document).party
        require(party is not None, "a key that is wrapped under no certificate")
        value = octets(child(child(token, XENC, "CipherData"), XENC, "CipherValue"))
        identity = hashlib.sha1(value).digest()
        if identity not in self.wrapped:
            try:
                secret = party.key.decrypt(value, _transport(child(token, XENC, "EncryptionMethod")))
            except ValueError:
                require(False, "the encrypted key does not unwrap")
            self.wrapped[identity] = (party.who, secret)
        return Key(("encrypted key", party.who, identity), secret=self.wrapped[identity][1])


def _transport(method):
    algorithm = method.get("Algorithm")
    if algorithm == XENC + "rsa-1_5":
        return padding.PKCS1v15()
    digest = child(method, DS, "DigestMethod", optional=True)
    digest = "sha1" if digest is None else DIGESTS[digest.get("Algorithm")]
    mask = "sha1"
    if algorithm == XENC11 + "rsa-oaep":
        named = child(method, XENC11, "MGF", optional=True)
        mask = "sha1" if named is None else MASKS[named.get("Algorithm")]
    else:
        require(algorithm == XENC + "rsa-oaep-mgf1p", "a key transported by", algorithm)
    return padding.OAEP(padding.MGF1(HASHES[mask]()), HASHES[digest](), None)


def _same_name(ours, written):
    """Whether two distinguished names are one, but for the spaces around their separators."""
    return [part.strip() for part in ours.split(",")] == [part.strip() for part in written.split(",")]
