package nuncio.peer;

import java.util.List;

/** A WS-SecurityPolicy, and a contract with it, from a short code of words joined by '+': the README's table. */
final class Policies {
    private static final String GCM = "http://cxf.apache.org/custom/security-policy";

    private final boolean purposes, conversation, derived, cancel, trust13, soap11, wsa04, confirmation, protectTokens, hash, encryptedHeader, choice, clear, inclusive, talkEncrypted, wss10;
    private final String boot, order, suite, sp, code, reference, layout, entropy, as, with, elements, tokenParts, sct, element;

    Policies(String code) {
        this.code = code;
        var words = List.of(code.split("\\+"));
        conversation = !words.contains("one");
        purposes = words.contains("purposes");
        derived = words.contains("d");
        cancel = !words.contains("nc");
        trust13 = words.contains("13");
        soap11 = words.contains("soap11");
        wsa04 = words.contains("wsa04");
        boot = words.stream().filter(w -> w.matches("A|X|X10|U|UT|XT|KT")).findFirst().orElse("X");
        order = words.stream().filter(w -> w.matches("es|ees|esees")).findFirst().orElse("se");
        confirmation = words.contains("conf");
        protectTokens = words.contains("pt");
        hash = words.contains("hash");
        encryptedHeader = words.contains("eh");
        choice = words.contains("choice");
        clear = words.contains("clear");
        inclusive = words.contains("c14n");
        talkEncrypted = words.contains("cees");
        wss10 = words.contains("wss10");
        suite = value(words, "suite", "Basic256");
        reference = value(words, "ref", "Thumbprint");
        layout = value(words, "layout", "");
        entropy = value(words, "entropy", "both");
        as = value(words, "as", "");
        with = value(words, "with", "");
        elements = value(words, "el", "");
        tokenParts = value(words, "parts", "");
        sct = value(words, "sct", "");
        element = value(words, "se", "");
        sp = trust13 ? "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702" : "http://schemas.xmlsoap.org/ws/2005/07/securitypolicy";
    }

    private static String value(List<String> words, String name, String otherwise) {
        return words.stream().filter(w -> w.startsWith(name + "=")).map(w -> w.substring(name.length() + 1)).findFirst().orElse(otherwise);
    }

    boolean overTransport() { return boot.equals("UT") || boot.equals("XT") || boot.equals("KT"); }

    private static String policy(String inner) { return "<wsp:Policy>" + inner + "</wsp:Policy>"; }

    private String include(String how) { return "sp:IncludeToken='" + sp + "/IncludeToken/" + how + "'"; }

    /** What is signed and encrypted in messages that establish a context. */
    private String establishing() { return signed() + "<sp:EncryptedParts><sp:Body/>" + header() + "</sp:EncryptedParts>"; }

    /** What is signed and encrypted in all others. */
    private String parts() { return signed() + (choice ? "" : encrypted()); }

    private String signed() {
        var addressing = wsa04 ? "http://schemas.xmlsoap.org/ws/2004/08/addressing" : "http://www.w3.org/2005/08/addressing";
        var b = new StringBuilder("<sp:SignedParts><sp:Body/>");
        for (var header : List.of("To", "From", "FaultTo", "ReplyTo", "MessageID", "RelatesTo", "Action"))
            b.append("<sp:Header Name='" + header + "' Namespace='" + addressing + "'/>");
        return b + "</sp:SignedParts>" + named();
    }

    private String header() {
        var addressing = wsa04 ? "http://schemas.xmlsoap.org/ws/2004/08/addressing" : "http://www.w3.org/2005/08/addressing";
        return encryptedHeader ? "<sp:Header Name='ReplyTo' Namespace='" + addressing + "'/>" : "";
    }

    private String encrypted() {
        if (elements.isEmpty()) return "<sp:EncryptedParts><sp:Body/>" + header() + "</sp:EncryptedParts>";
        var name = elements.equals("Content") ? "ContentEncryptedElements" : "EncryptedElements";
        var b = new StringBuilder("<sp:" + name + ">");
        for (var element : List.of("text", "why", "EchoResult"))
            b.append("<sp:XPath xmlns:t='" + Echo.NAMESPACE + "'>//t:" + element + "</sp:XPath>");
        return b + "</sp:" + name + ">" + (encryptedHeader ? "<sp:EncryptedParts>" + header() + "</sp:EncryptedParts>" : "");
    }

    /** A child of the security header, by its path. */
    private String named() {
        if (element.isEmpty()) return "";
        var envelope = soap11 ? "http://schemas.xmlsoap.org/soap/envelope/" : "http://www.w3.org/2003/05/soap-envelope";
        return "<sp:SignedElements xmlns:e='" + envelope + "' xmlns:o='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd' xmlns:x='http://www.w3.org/2001/04/xmlenc#'>"
            + "<sp:XPath>/e:Envelope/e:Header/o:Security/" + (element.equals("EncryptedKey") ? "x:" : "o:") + element + "</sp:XPath></sp:SignedElements>";
    }

    private String algorithms(String usual) {
        var name = suite.contains("GCM") ? "<gcm:" + suite + " xmlns:gcm='" + GCM + "'/>" : "<sp:" + suite + "/>";
        return "<sp:AlgorithmSuite>" + policy(name + (inclusive ? "<sp:InclusiveC14N/>" : "")) + "</sp:AlgorithmSuite><sp:Layout>" + policy("<sp:" + (layout.isEmpty() ? usual : layout) + "/>")
            + "</sp:Layout><sp:IncludeTimestamp/>";
    }

    private String common(String layout) { return common(layout, order.endsWith("ees")); }

    private String common(String layout, boolean signatureEncrypted) {
        return algorithms(layout)
            + (order.startsWith("es") ? "<sp:EncryptBeforeSigning/>" : "") + (signatureEncrypted ? "<sp:EncryptSignature/>" : "")
            + (protectTokens ? "<sp:ProtectTokens/>" : "") + "<sp:OnlySignEntireHeadersAndBody/>";
    }

    private String x509(String how, boolean wss11) {
        return "<sp:X509Token " + include(how) + ">" + policy((derived && wss11 ? "<sp:RequireDerivedKeys/>" : "")
            + (wss11 || !reference.equals("Thumbprint") ? "<sp:Require" + reference + "Reference/>" : "") + "<sp:WssX509V3Token10/>") + "</sp:X509Token>";
    }

    /** A key of the password, which is not in the message, or one derived from that. */
    private String salted(boolean derive) {
        return policy("<sp:UsernameToken " + include("AlwaysToRecipient") + ">" + policy("<sp:NoPassword/>" + (derive ? "<sp:RequireDerivedKeys/>" : "")
            + "<sp:WssUsernameToken11/>") + "</sp:UsernameToken>");
    }

    private String username() {
        return policy("<sp:UsernameToken " + include("AlwaysToRecipient") + ">" + policy((hash ? "<sp:HashPassword/>" : "") + "<sp:WssUsernameToken10/>") + "</sp:UsernameToken>");
    }

    private String wss11() {
        return "<sp:Wss11>" + policy("<sp:MustSupportRefKeyIdentifier/><sp:MustSupportRefIssuerSerial/><sp:MustSupportRefThumbprint/><sp:MustSupportRefEncryptedKey/>"
            + (confirmation ? "<sp:RequireSignatureConfirmation/>" : "")) + "</sp:Wss11>";
    }

    private static String wss10() { return "<sp:Wss10>" + policy("<sp:MustSupportRefKeyIdentifier/><sp:MustSupportRefIssuerSerial/>") + "</sp:Wss10>"; }

    private String trust() {
        var name = trust13 ? "Trust13" : "Trust10";
        return "<sp:" + name + ">" + policy("<sp:MustSupportIssuedTokens/>"
            + (entropy.equals("server") ? "" : "<sp:RequireClientEntropy/>") + (entropy.equals("client") ? "" : "<sp:RequireServerEntropy/>")) + "</sp:" + name + ">";
    }

    private String transport(String supporting) {
        return "<sp:TransportBinding>" + policy("<sp:TransportToken>" + policy("<sp:HttpsToken" + (trust13 ? ">" + policy("") + "</sp:HttpsToken>" : " RequireClientCertificate='false'/>"))
            + "</sp:TransportToken>" + algorithms("Strict")) + "</sp:TransportBinding>" + supporting + wss11() + trust();
    }

    private static String element(String name, String content) { return "<sp:" + name + ">" + content + "</sp:" + name + ">"; }

    private static String supporting(String kind, String token) { return element((kind.equals("Plain") ? "" : kind) + "SupportingTokens", token); }

    /** The bootstrap's own supporting token, of its usual kind or of the code's. */
    private String own(String usual, String token) {
        return supporting(as.isEmpty() ? usual : as, token.replaceAll("</wsp:Policy>$", ownParts() + "</wsp:Policy>"));
    }

    /** What the policy names for that token: a header, or the elements of a path. */
    private String ownParts() {
        var addressing = "http://www.w3.org/2005/08/addressing";
        return switch (tokenParts) {
            case "" -> "";
            case "SignedElements" -> element(tokenParts, "<sp:XPath xmlns:a='" + addressing + "'>//a:MessageID</sp:XPath>");
            case "EncryptedParts" -> element(tokenParts, "<sp:Body/><sp:Header Name='ReplyTo' Namespace='" + addressing + "'/>");
            default -> element(tokenParts, "<sp:Body/><sp:Header Name='MessageID' Namespace='" + addressing + "'/>");
        };
    }

    /** A token that each message has besides. */
    private String further() {
        if (with.isEmpty()) return "";
        var words = with.split(":");
        return supporting(words[1], switch (words[0]) {
            case "U" -> username();
            case "K" -> salted(false);
            case "KD" -> salted(true);
            default -> policy(x509("AlwaysToRecipient", true));
        });
    }

    /** The tokens of the asymmetric binding: one for each side, or one for each purpose, named in its own way. */
    private String sides() {
        if (!purposes) return element("InitiatorToken", policy(x509("AlwaysToRecipient", false))) + element("RecipientToken", policy(x509("Never", false)));
        var encrypted = policy("<sp:X509Token " + include("Never") + ">" + policy("<sp:RequireIssuerSerialReference/><sp:WssX509V3Token10/>") + "</sp:X509Token>");
        return element("InitiatorSignatureToken", policy(x509("AlwaysToRecipient", false))) + element("InitiatorEncryptionToken", encrypted)
            + element("RecipientSignatureToken", policy(x509("AlwaysToInitiator", false))) + element("RecipientEncryptionToken", encrypted);
    }

    private String bootstrap(String parts) {
        return switch (boot) {
            case "UT" -> transport(own("Signed", username()));
            case "KT" -> transport(own("Endorsing", salted(derived)));
            case "XT" -> transport(own("Endorsing", policy(x509("AlwaysToRecipient", false))));
            case "X10" -> "<sp:AsymmetricBinding>" + policy(sides() + common("Strict")) + "</sp:AsymmetricBinding>" + (confirmation ? wss11() : wss10()) + trust() + parts;
            default -> "<sp:SymmetricBinding>" + policy((purposes ? element("EncryptionToken", policy(x509("Never", true))) + element("SignatureToken", policy(x509("Never", true)))
                : element("ProtectionToken", policy(x509("Never", true)))) + common("Strict")) + "</sp:SymmetricBinding>"
                + (boot.equals("X") ? own("Endorsing", policy(x509("AlwaysToRecipient", true))) : "")
                + (boot.equals("U") ? own(trust13 ? "SignedEncrypted" : "Signed", username()) : "")
                + wss11() + trust() + parts;
        };
    }

    private String conversation() {
        var token = policy("<sp:SecureConversationToken " + include("AlwaysToRecipient") + ">" + policy((derived ? "<sp:RequireDerivedKeys/>" : "")
            + (cancel ? "" : trust13 ? "<sp:MustNotSendCancel/>" : "<mssp:MustNotSendCancel/>") + "<sp:BootstrapPolicy>" + policy(bootstrap(establishing())) + "</sp:BootstrapPolicy>")
            + "</sp:SecureConversationToken>");
        return overTransport() ? transport(supporting(sct.isEmpty() ? "Endorsing" : sct, token))
            : !sct.isEmpty() ? bootstrap(parts()) + supporting(sct, token)
            : "<sp:SymmetricBinding>" + policy(element("ProtectionToken", token) + common("Lax", talkEncrypted || order.endsWith("ees"))) + "</sp:SymmetricBinding>"
                + (wss10 ? wss10() : wss11()) + trust() + parts();
    }

    private String addressing() {
        return wsa04 ? "<wsap:UsingAddressing xmlns:wsap='http://schemas.xmlsoap.org/ws/2004/08/addressing/policy'/>" : "<wsaw:UsingAddressing/>";
    }

    private String text() {
        return "<wsp:Policy wsu:Id='security'><wsp:ExactlyOne><wsp:All>" + (clear ? "" : addressing()) + (conversation ? conversation() : bootstrap(parts())) + further() + "</wsp:All></wsp:ExactlyOne></wsp:Policy>";
    }

    /** What stands at an operation: its bodies encrypted or not, or the security itself where one operation has none. */
    private String attached(String operation) {
        return (choice ? policy("<wsp:ExactlyOne><wsp:All>" + encrypted() + "</wsp:All><wsp:All/></wsp:ExactlyOne>") : "")
            + (clear && !operation.equals("Notify") ? "<wsp:PolicyReference URI='#security'/>" : "");
    }

    /** The contract of the echo service at an address, with the policy on its binding ("plain": with none). */
    String wsdl(String address) {
        boolean plain = code.startsWith("plain");
        var types = new StringBuilder(); var messages = new StringBuilder(); var operations = new StringBuilder(); var bound = new StringBuilder();
        for (var operation : List.of("Echo:text:EchoResult", "Fail:why:FailResult", "Notify:text:")) {
            var w = operation.split(":", -1); boolean answers = !w[2].isEmpty();
            types.append(schema(w[0], w[1])).append(answers ? schema(w[0] + "Response", w[2]) : "");
            messages.append(message(w[0])).append(answers ? message(w[0] + "Response") : "");
            operations.append("<operation name='" + w[0] + "'><input message='t:" + w[0] + "' wsaw:Action='http://nuncio.example/echo/IEcho/" + w[0] + "'/>"
                + (answers ? "<output message='t:" + w[0] + "Response' wsaw:Action='http://nuncio.example/echo/IEcho/" + w[0] + "Response'/>" : "") + "</operation>");
            bound.append("<operation name='" + w[0] + "'>" + attached(w[0]) + "<s:operation soapAction='http://nuncio.example/echo/IEcho/" + w[0] + "'/><input><s:body use='literal'/></input>"
                + (answers ? "<output><s:body use='literal'/></output>" : "") + "</operation>");
        }
        return "<definitions name='Echo' targetNamespace='http://nuncio.example/echo' xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:t='http://nuncio.example/echo'"
            + " xmlns:s='http://schemas.xmlsoap.org/wsdl/" + (soap11 ? "soap" : "soap12") + "/' xmlns:wsp='http://schemas.xmlsoap.org/ws/2004/09/policy' xmlns:sp='" + sp + "'"
            + " xmlns:mssp='http://schemas.microsoft.com/ws/2005/07/securitypolicy' xmlns:wsaw='http://www.w3.org/2006/05/addressing/wsdl'"
            + " xmlns:wsu='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'>"
            + (plain ? "" : text()) + "<types><schema targetNamespace='http://nuncio.example/echo' elementFormDefault='qualified' xmlns='http://www.w3.org/2001/XMLSchema'>" + types + "</schema></types>"
            + messages + "<portType name='IEcho'>" + operations + "</portType><binding name='Echo' type='t:IEcho'>" + (plain ? "" : clear ? policy(addressing()) : "<wsp:PolicyReference URI='#security'/>")
            + "<s:binding transport='http://schemas.xmlsoap.org/soap/http' style='document'/>" + bound
            + "</binding><service name='Echo'><port name='Echo' binding='t:Echo'><s:address location='" + address + "'/></port></service></definitions>";
    }

    private static String schema(String name, String child) {
        return "<element name='" + name + "'><complexType><sequence><element name='" + child + "' type='string' minOccurs='0'/></sequence></complexType></element>";
    }

    private static String message(String name) { return "<message name='" + name + "'><part name='parameters' element='t:" + name + "'/></message>"; }
}
