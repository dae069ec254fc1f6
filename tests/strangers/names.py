"""Namespaces and identifiers of the specifications, and the one way to say that a message is bad."""

import base64

DS = "http://www.w3.org/2000/09/xmldsig#"
DS_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = WSS + "wssecurity-secext-1.0.xsd"
WSU = WSS + "wssecurity-utility-1.0.xsd"
SOAP_MESSAGE_SECURITY = WSS + "soap-message-security-1.0#"
X509_PROFILE = WSS + "x509-token-profile-1.0#"
USERNAME_PROFILE = WSS + "username-token-profile-1.0#"
WSSE11 = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"
WSS11 = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#"
SOAP = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}
# The two generations: WS-SecureConversation, and the WS-Trust that goes with it.
TRUST = {
    "http://schemas.xmlsoap.org/ws/2005/02/sc": "http://schemas.xmlsoap.org/ws/2005/02/trust",
    "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512": "http://docs.oasis-open.org/ws-sx/ws-trust/200512",
}


class Bad(Exception):
    """What is wrong with a message."""


def require(condition, *what):
    """Says that a message is bad unless the condition holds."""
    if not condition:
        raise Bad(" ".join(str(word) for word in what))


def name(element):
    """Namespace and local name."""
    namespace, _, local = element.tag.rpartition("}")
    return namespace[1:], local


def is_element(node):
    return isinstance(node.tag, str)


def elements(parent):
    return [child for child in parent if is_element(child)]


def child(parent, namespace, local, optional=False):
    """The one child of that name."""
    found = parent.findall("{%s}%s" % (namespace, local))
    if optional and not found:
        return None
    require(len(found) == 1, len(found), local, "in", name(parent)[1])
    return found[0]


def octets(element):
    """The octets of base64 text: in one line, in its one spelling."""
    text = element.text or ""
    require(len(element) == 0, "elements in", name(element)[1])
    return base64_octets(text, name(element)[1])


def base64_octets(text, where):
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        raise Bad("base64 of %s: %r" % (where, text[:40])) from None
    require(base64.b64encode(decoded).decode() == text, "another spelling of base64 in", where)
    return decoded
