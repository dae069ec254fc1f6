"""What xmlsec1 makes of a message. It knows nothing of WS-Security: it is told where to begin, which attributes are ids, and
which key to take, and skips the references that it does not know. Canonical forms, digests, ciphers, key transport and
signatures are its own.
"""

import os
import re
import subprocess

from lxml import etree

from names import DS, WSU, XENC, XENC11, name


class Work:
    """The files of one message that xmlsec1 is to judge."""

    def __init__(self, message, folder, keys):
        self.message, self.folder, self.keys = message, folder, keys
        self.stem = os.path.splitext(message.expected["file"])[0]
        self.lines = []

    def path(self, suffix, content=None):
        path = os.path.join(self.folder, self.stem + suffix)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
        return path

    def run(self, done, *arguments, good=True):
        """Runs it, and notes a line: what was done, or what it said instead."""
        result = subprocess.run(["xmlsec1", *arguments], capture_output=True, text=True, check=False)
        if (result.returncode == 0) == good:
            self.lines.append("xmlsec1 %s %s" % (done, self.message.expected["name"]))
            return True
        self.lines.append("xmlsec1 bad %s: not %s: %s" % (self.message.expected["name"], done, result.stderr.strip()[-300:]))
        return False


def judge(message, folder, keys):
    """Decrypts and verifies with xmlsec1; the lines that say so. `keys` are the files of the parties' keys and certificates."""
    work = Work(message, folder, keys)
    received = work.path(".xml")
    paths = decrypted(work, received)
    if paths is None:
        return work.lines
    unwrapped(work)
    signed = next(at for at in range(len(paths)) if is_signed(message, at))
    for at, signature in enumerate(message.signatures):
        verified(work, at, signature, paths[signed])
    return work.lines


def decrypted(work, path):
    """The message's file, and those with one part after the other decrypted; None where that failed."""
    paths = [path]
    for at, part in enumerate(work.message.decrypted):
        option = "--deskey" if "tripledes" in part.algorithm else "--aeskey"
        key = work.path("-%d.key" % at, part.key.secret)
        out = work.path("-%d.out" % at)
        if not work.run("decrypted", "--decrypt", option, key, *start(part.identity), "--output", out, path):
            return None
        path = out
        paths.append(path)
    return paths


def is_signed(message, number):
    """Whether the signatures are over the message with so many parts decrypted."""
    still = [part.identity for part in message.decrypted[number:]]
    return sorted(still) == sorted(data.get("Id") for data in message.signed.root.iter("{%s}EncryptedData" % XENC))


def start(identity):
    return ["--id-attr:Id", XENC + ":EncryptedData", "--node-id", identity]


def unwrapped(work):
    """Decrypts by the private key alone, in a copy whose encrypted key stands where xmlsec1 looks for it. What is encrypted
    under a derived key cannot be: deriving is WS-SecureConversation's."""
    received = work.message.received
    wrapped = list(received.security().iter("{%s}EncryptedKey" % XENC))
    parts = [part for part in work.message.decrypted if part.key.how == "none" and part.key.source[0] == "encrypted key"]
    if len(wrapped) != 1 or not parts:
        return
    copy = etree.fromstring(received.text.encode())
    key = copy.find(".//{%s}EncryptedKey" % XENC)
    # Version 1.2 of it knows no RSA-OAEP but that of XML Encryption 1.0.
    if key.find("{%s}EncryptionMethod" % XENC).get("Algorithm").startswith(XENC11):
        return
    data = next(data for data in copy.iter("{%s}EncryptedData" % XENC) if data.get("Id") == parts[0].identity)
    info = data.find("{%s}KeyInfo" % DS)
    if info is None:
        info = etree.Element("{%s}KeyInfo" % DS)
        data.insert(1, info)
    info[:] = [key]
    path = work.path("-wrapped.xml", etree.tostring(copy))
    private = work.keys[parts[0].key.source[1]][0]
    work.run("unwrapped", "--decrypt", "--privkey-pem", private, *start(parts[0].identity), "--output", path + ".out", path)


def verified(work, at, signature, path):
    if signature.key.secret is None:
        key = ["--pubkey-cert-pem", work.keys[signature.key.party.who][1]]
    else:
        key = ["--hmackey", work.path("-signature-%d.key" % at, signature.key.secret)]
    identified = {name(covered) for covered in signature.covered}
    ids = [word for namespace, local in sorted(identified) for word in ("--id-attr:Id", "%s:%s" % (namespace, local))]
    place = ["--node-xpath", "(/*/*/*[local-name()='Security']/*[local-name()='Signature'])[%d]" % (at + 1)]
    work.run("verified", "--verify", *key, *ids, *place, path)
    if work.message.expected["suite"] == "Basic256" and (WSU, "Timestamp") in identified:
        with open(path, "rb") as file:
            text = file.read()
        changed = re.sub(rb"(Created>)2", rb"\g<1>3", text, count=1)
        work.run("refused", "--verify", *key, *ids, *place, work.path("-changed.xml", changed), good=False)
