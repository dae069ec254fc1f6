"""Supporting tokens: each that the policy asks for, signed, encrypted and endorsing as its kind says."""

import hashlib

from names import USERNAME_PROFILE, WSSE, WSSE11, WSU, child, name, octets, require
from protection import ids


def check(message, primary):
    expected = message.expected["tokens"]
    endorsing = [signature for signature in message.signatures if signature is not primary]
    wanted = [token for token in expected if token["kind"] != "username" and token["endorsing"]]
    require(len(endorsing) == len(wanted), len(endorsing), "endorsing signatures")
    for token in expected:
        if token["kind"] == "username":
            username(message, primary, token)
        elif token["kind"] == "certificate" and not token["endorsing"]:
            certificates(message, primary, token)
        elif not token["endorsing"]:
            protected(message, primary, context(message, token), token)
        else:
            endorsed(message, primary, token, endorsing)


def username(message, primary, token):
    found = child(message.plain.security(), WSSE, "UsernameToken")
    require(child(found, WSSE, "Username").text == token["name"], "the user's name")
    password = child(found, WSSE, "Password")
    if token["digest"]:
        require(password.get("Type") == USERNAME_PROFILE + "PasswordDigest", "the password's type")
        created = child(found, WSU, "Created").text
        digested = octets(child(found, WSSE, "Nonce")) + created.encode() + token["password"].encode()
        require(octets(password) == hashlib.sha1(digested).digest(), "the password's digest")
    else:
        require(password.text == token["password"], "the password")
        require(password.get("Type") in (None, USERNAME_PROFILE + "PasswordText"), "the password's type")
    protected(message, primary, found, token)


def certificates(message, primary, token):
    """A certificate that signs nothing is there."""
    found = message.plain.security().findall("{%s}BinarySecurityToken" % WSSE)
    hidden = [of for of in found if hiding(message, of) is not None]
    # Beside one that signs the message, this one may be another.
    in_clear = primary is None or not token["encrypted"]
    candidates = [of for of in found if of not in hidden] if in_clear else hidden
    require(candidates, "there is no certificate that is encrypted:", token["encrypted"])
    protected(message, primary, candidates[-1], token)


def context(message, token):
    """The token of a context, which is in the message."""
    found = [of for of in message.plain.security() if name(of)[1] == "SecurityContextToken"]
    require(len(found) == 1, len(found), "security context tokens")
    namespace = name(found[0])[0]
    said = [found[0].findtext("{%s}%s" % (namespace, local)) for local in ("Identifier", "Instance")]
    require(said == token["of"], "another context:", said)
    return found[0]


def salted(message):
    """The user name that has the salt of a key."""
    found = message.plain.security().findall("{%s}UsernameToken" % WSSE)
    found = [of for of in found if child(of, WSSE11, "Salt", optional=True) is not None]
    require(len(found) == 1, len(found), "user names with a salt")
    return found[0]


def endorsed(message, primary, token, signatures):
    source = [token["kind"], *token["of"]]
    mine = [signature for signature in signatures if list(signature.key.source) == source]
    require(len(mine) == 1, len(mine), "endorsing signatures by", source)
    if primary is not None:
        require(mine[0].covers(primary.element), "the primary signature is not endorsed")
    else:
        require(mine[0].covers(child(message.signed.security(), WSU, "Timestamp")), "the timestamp is not endorsed")
    for block in message.blocks(message.signed):
        if any(namespace == name(block)[0] and local in (None, name(block)[1]) for namespace, local in token["headers"]):
            require(mine[0].covers(block), "not endorsed:", name(block)[1])
    if token["kind"] == "user":
        require(mine[0].key.how == token["derived"], "endorsed by a key that is derived:", mine[0].key.how)
        protected(message, primary, salted(message), token)
    if token["kind"] == "context" and token["signed"]:
        protected(message, primary, context(message, token), token)
    if token["kind"] == "certificate":
        reference = mine[0].element.find("{*}KeyInfo/{%s}SecurityTokenReference" % WSSE)
        direct = child(reference, WSSE, "Reference", optional=True)
        require((direct is not None) == token["travels"], "the certificate travels:", direct is not None)
        if direct is not None:
            protected(message, primary, message.plain.by_id(direct.get("URI")[1:]), token)
        elif token["signed"] and primary is not None:
            require(primary.covers(reference), "the certificate that a reference stands for is not signed")


def hiding(message, element):
    """What an element was encrypted in."""
    identity = ids(element)[0]
    return next((decrypted for decrypted in message.decrypted if identity in decrypted.ids), None)


def protected(message, primary, element, token):
    """The primary signature covers a token that is to be signed, as it is or as it was encrypted. A transport protects by
    itself."""
    if primary is None:
        return
    hidden = hiding(message, element)
    require((hidden is not None) == token["encrypted"], "encrypted:", name(element)[1], hidden is not None)
    if token["signed"]:
        require(primary.covers(message.signed.by_id(signed_as(message, element))), "not signed:", name(element)[1])


def signed_as(message, element):
    """The id of an element, or of what it was encrypted in where that is what is signed."""
    hidden = hiding(message, element)
    return ids(element)[0] if hidden is None or message.expected["order"] == "sign" else hidden.identity
