"""A zeep client: loads its contract, calls every operation once, and prints a JSON object a line for each call.

    peer.py CONTRACT --security KIND [--user NAME --password WORD] [--key NAME] [--service FILE] [--ca FILE] [--changed]
            [--addressing]

KIND: none; text, digest (user name, with the password in clear or hashed); binary, issuer (the body and the timestamp signed,
the certificate as a token of its own or in the signature), with the suite's hash appended: binary-sha1, binary-sha256. The
answer to what was signed is verified with the certificate FILE of the service. --key is a file's path without .key or .pem.
--changed: the body is changed after it was signed. --addressing: with the headers of WS-Addressing.
"""

import argparse
import datetime
import json
import sys

import requests
import xmlsec
import zeep
import zeep.wsa
from zeep.wsse import utils
from zeep.wsse.signature import BinarySignature, Signature, verify_envelope
from zeep.wsse.username import UsernameToken


def timestamp():
    created = datetime.datetime.now(datetime.timezone.utc)
    stamp = lambda of: utils.get_timestamp(of, zulu_timestamp=True)
    return utils.WSU.Timestamp(
        utils.WSU.Created(stamp(created)), utils.WSU.Expires(stamp(created + datetime.timedelta(minutes=5)))
    )


def user(arguments):
    return UsernameToken(
        arguments.user,
        arguments.password,
        use_digest=arguments.security == "digest",
        timestamp_token=timestamp(),
    )


def signed(arguments):
    """zeep signs a timestamp that is there, and puts in none; and it looks for its own certificate in the answer."""
    kind, digest = arguments.security.split("-")

    class Signed(BinarySignature if kind == "binary" else Signature):
        def apply(self, envelope, headers):
            utils.get_security_header(envelope).append(timestamp())
            super().apply(envelope, headers)
            if arguments.changed:
                envelope.xpath("//*[local-name() = 'Body']/*")[0].text = "changed"
            return envelope, headers

        def verify(self, envelope):
            if envelope.find(".//{*}Security") is None:
                return  # a refusal, which is not secured
            verify_envelope(envelope, arguments.service)
            return envelope

    methods = {
        "sha1": (xmlsec.Transform.RSA_SHA1, xmlsec.Transform.SHA1),
        "sha256": (xmlsec.Transform.RSA_SHA256, xmlsec.Transform.SHA256),
    }
    signature, digest = methods[digest]
    return Signed(
        arguments.key + ".key", arguments.key + ".pem", signature_method=signature, digest_method=digest
    )


def client(arguments):
    session = requests.Session()
    session.trust_env = False
    if arguments.ca:
        session.verify = arguments.ca
    kinds = {"none": lambda _: None, "text": user, "digest": user}
    security = kinds.get(arguments.security, signed)(arguments)
    plugins = [zeep.wsa.WsAddressingPlugin()] if arguments.addressing else []
    transport = zeep.Transport(session=session)
    return zeep.Client(arguments.contract, transport=transport, wsse=security, plugins=plugins)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("contract")
    parser.add_argument("--security", required=True)
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--key")
    parser.add_argument("--service")
    parser.add_argument("--ca")
    parser.add_argument("--changed", action="store_true")
    parser.add_argument("--addressing", action="store_true")
    arguments = parser.parse_args()

    good = True
    for call, *argument in (("Echo", "a < é"), ("WhoAmI",), ("Notify", "x"), ("Fail", "on purpose")):
        line = {"call": call, "ok": True}
        try:
            # Its timestamp and nonce are a client's: each call is another one's.
            line["reply"] = getattr(client(arguments).service, call)(*argument)
        except zeep.exceptions.Fault as fault:
            line.update(ok=False, fault=fault.message)
        except Exception as error:
            line.update(ok=False, error=f"{type(error).__name__}: {error}")
        good &= line["ok"] == (call != "Fail")
        print(json.dumps(line, default=str), flush=True)
    return 0 if good else 1


sys.exit(main())
