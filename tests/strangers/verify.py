#!/usr/bin/env python3
"""Reads what Nuncio sealed, with nothing of Nuncio's: lxml canonicalises, cryptography computes.

usage: verify.py FOLDER

FOLDER/manifest.json says what each message must be (tests/tests/strangers/expected.rs writes it). Prints a line for each
message, "good NAME" or "bad NAME: what", and a total; where xmlsec1 is there, also what that makes of the messages that are
marked for it, each line with "xmlsec1" before it.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import alone
import rules
from keys import Party, Ring, p_sha1
from names import DS, TRUST, Bad, child, octets, require
from protection import Document, Signature, decrypt, listed


def octets_of(path):
    with open(path, "rb") as file:
        return file.read()


def read(octets_, expected, ring):
    """Decrypts a message and verifies its signatures, in the order that its policy says."""
    received = Document(octets_.decode())

    plain, decrypted = decrypt(received, ring)
    # A signature that is encrypted though encryption comes first is over what was encrypted before it.
    first = listed(received, 0) if expected["order"] == "encrypt" and expected["signature_encrypted"] else []
    signed = plain if expected["order"] == "sign" else decrypt(received, ring, first)[0]
    security = signed.security()
    found = [] if security is None else security.findall("{%s}Signature" % DS)
    verified = [Signature(element, signed, plain, ring) for element in found]
    return rules.Message(expected, received, signed, plain, decrypted, verified)


def granted(message, request, ring):
    """The key of the context that a trust response brings, computed from what both sides said; it must be theirs."""
    grant = message.expected["grants"]
    response = message.body(message.plain)[0]
    if response.tag.endswith("Collection"):
        response = response[0]
    trust = response.tag[1:].partition("}")[0]
    namespace = next(of for of in TRUST if TRUST[of] == trust)
    token = child(child(response, trust, "RequestedSecurityToken"), namespace, "SecurityContextToken")
    instance = token.findtext("{%s}Instance" % namespace)
    require([token.findtext("{%s}Identifier" % namespace), instance] == [grant["identifier"], grant["instance"]], "the context")
    proof = child(response, trust, "RequestedProofToken")[0]
    if proof.tag == "{%s}ComputedKey" % trust:
        require(proof.text == trust + "/CK/PSHA1", "a key computed by", proof.text)
        asked = message_entropy(request.body(request.plain)[0], trust)
        size = int(child(response, trust, "KeySize").text)
        key = p_sha1(asked, message_entropy(response, trust), size // 8)
    else:
        require(proof.tag == "{%s}BinarySecret" % trust, "a proof by", proof.tag)
        key = octets(proof)
    require(key.hex() == grant["key"], "the context's key is another")
    ring.contexts[grant["identifier"], grant["instance"]] = key


def message_entropy(element, trust):
    return octets(child(child(element, trust, "Entropy"), trust, "BinarySecret"))


def main(folder):
    manifest = json.loads(octets_of(os.path.join(folder, "manifest.json")))
    parties = [Party(of["who"], octets_of(of["certificate"]), octets_of(of["key"])) for of in manifest["parties"]]
    keys = {of["who"]: (of["key"], of["certificate"]) for of in manifest["parties"]}
    totals, marked = {"good": 0, "bad": 0}, []
    for conversation in manifest["conversations"]:
        ring, before = Ring(parties, manifest["users"]), {}
        for expected in conversation:
            try:
                message = read(octets_of(os.path.join(folder, expected["file"])), expected, ring)
                request = before.get(expected["answers"])
                rules.check(message, request)
                if expected["grants"]:
                    granted(message, request, ring)
                before[expected["file"]] = message
                verdict, what = "good", ""
            except (Bad, UnicodeDecodeError) as error:
                verdict, what = "bad", ": %s" % error
            totals[verdict] += 1
            print(verdict, expected["name"] + what)
            if verdict == "good" and expected["alone"]:
                marked.append(message)
    if manifest["xmlsec1"]:
        with ThreadPoolExecutor(os.cpu_count()) as workers:
            for lines in workers.map(lambda message: alone.judge(message, folder, keys), marked):
                print(*lines, sep="\n")
    print("total: %(good)d good, %(bad)d bad" % totals)


if __name__ == "__main__":
    main(sys.argv[1])
