//! The lines of the table, by the names of their files.

/// A file, and the line that it gives.
#[rustfmt::skip]
pub(crate) const TABLE: &[(&str, &str)] = &[
    (
        "adfs-mex-common.xml",
        "2 × 6: NegotiateAuthentication is not built yet; 2 × transport Basic256, endorsing certificate; \
        transport Basic256, signed user name; 2 × 170: KerberosToken is not built yet; 4 × 225: IssuedToken is \
        not built yet; transport Basic256, signed encrypted user name [remarks: 4]",
    ),
    (
        "adfs-mex-tag-mismatch-broken.xml",
        "912: not well-formed: ill-formed document: expected `</wsa10:Address>`, but `</wsa10:EndpointReference>` \
        was found",
    ),
    (
        "adfs-mex-usystech.xml",
        "6: DomainInternet is not known; 2 × transport Basic256, endorsing certificate; transport by client \
        certificate Basic256; symmetric Basic256, certificate, signed user name; transport Basic256, signed user name; 4 × 289: IssuedToken is not built yet [remarks: 4]",
    ),
    (
        "au-hi-search-ihi.wsdl",
        "in another file: nothing; transport by client certificate Basic256 [remarks: 1]",
    ),
    (
        "axis2-username-transport.wsdl",
        "4 × transport Basic128, signed user name or 1 more",
    ),
    (
        "be-chapteriv-consultation.wsdl",
        "89: SamlToken is not built yet",
    ),
    (
        "be-ehealth-sts-v1.wsdl",
        "asymmetric Basic256, some messages in clear",
    ),
    (
        "be-mycarenet-ask-agreement.wsdl",
        "101: SamlToken is not built yet",
    ),
    (
        "be-recipe-executor-weblogic.wsdl",
        "12: Identity is not built yet",
    ),
    (
        "bg-regix-entrypoint.wsdl",
        "transport by client certificate Basic256",
    ),
    (
        "ca-ontario-edt-broken.wsdl",
        "83: not well-formed: syntax error: attribute value not closed: `\"` not found before end of input",
    ),
    (
        "corewcf-certificate-six-suites.xml",
        "transport Basic128, endorsing conversation (transport Basic128, endorsing certificate); transport \
        Basic128Sha256, endorsing conversation (transport Basic128Sha256, endorsing certificate); transport \
        Basic192, endorsing conversation (transport Basic192, endorsing certificate); transport Basic192Sha256, \
        endorsing conversation (transport Basic192Sha256, endorsing certificate); transport Basic256, endorsing \
        conversation (transport Basic256, endorsing certificate); transport Basic256Sha256, endorsing \
        conversation (transport Basic256Sha256, endorsing certificate)",
    ),
    (
        "corewcf-multiauth.xml",
        "67: SpnegoContextToken is not built yet; transport Basic256, endorsing conversation (transport Basic256, \
        endorsing certificate); transport Basic256, endorsing conversation (transport Basic256, signed user \
        name)",
    ),
    (
        "cxf-custom-algorithm-suite.wsdl",
        "46: CustomAlgorithmSuite is not built yet; 4 × messages: body signed, body encrypted",
    ),
    (
        "cxf-doubleit-gcm.wsdl",
        "in another file: asymmetric Basic128GCM; asymmetric Basic192GCM; asymmetric Basic256GCM; asymmetric \
        Basic256GCMMGFSHA256; asymmetric Basic256GCMMGFSHA256Digest; 2 × messages: body signed, body encrypted",
    ),
    (
        "cxf-doubleit-kerberos.wsdl",
        "in another file: 14 × 386: KerberosToken is not built yet; 1073: IssuedToken is not built yet; 2 × \
        messages: body signed, body encrypted",
    ),
    (
        "cxf-doubleit-saml.wsdl",
        "in another file: 17 × 462: SamlToken is not built yet; 2 × messages: body signed, body encrypted",
    ),
    (
        "cxf-doubleit-ut-derived.wsdl",
        "in another file: 3 × symmetric Basic128, user name; transport Basic128, endorsing user name; symmetric \
        Basic128, certificate, signed endorsing user name; symmetric Basic128, certificate, endorsing encrypted \
        user name; symmetric Basic128, certificate, signed endorsing encrypted user name; messages: body signed; \
        messages: body encrypted; messages: body signed, body encrypted",
    ),
    (
        "cxf-doubleit-x509.wsdl",
        "in another file: 8 × symmetric Basic128, certificate; symmetric Basic128, certificate, endorsing \
        certificate; symmetric Basic128, certificate, endorsing encrypted certificate; symmetric Basic128Sha256, \
        certificate; 8 × asymmetric Basic128; asymmetric Basic128RsaSha512; asymmetric Basic128Sha256; \
        asymmetric Basic128, encrypted user name; asymmetric Basic128, endorsing certificate; symmetric \
        Basic128, certificate, encrypted user name; 3 × transport Basic128, endorsing certificate; transport \
        Basic128, signed endorsing certificate; transport Basic128, endorsing encrypted certificate; transport \
        Basic128, signed endorsing encrypted certificate; 2032: KeyValueToken is not built yet; 2 × messages: \
        body signed, body encrypted; 2 × messages: body signed, /soap:Envelope/soap:Body encrypted within; \
        messages: body signed [remarks: 1]",
    ),
    (
        "cxf-secureconversation.wsdl",
        "in another file: 2 × transport Basic128, endorsing conversation (transport Basic128); symmetric \
        Basic128, conversation (symmetric Basic128, certificate); 2 × messages: body signed, body encrypted",
    ),
    (
        "cxf-wcf-adfs-sts.wsdl",
        "29: NegotiateAuthentication is not built yet; transport Basic256, endorsing certificate; transport by client \
        certificate Basic256; 2 × 157: KerberosToken is not built yet; transport \
        Basic256, signed encrypted user name; 8 × 319: IssuedToken is not built yet [remarks: 2]",
    ),
    (
        "dk-oioidws-dotnet-helloworld.wsdl",
        "255: IssuedToken is not built yet",
    ),
    (
        "dk-oioidws-sts.wsdl",
        "asymmetric Basic256Sha256",
    ),
    (
        "dk-oioidws-svcutil-rewritten.wsdl",
        "46: IssuedToken is not built yet",
    ),
    (
        "dk-serviceplatform-token-policies.wsdl",
        "3 × 40: SamlToken is not built yet",
    ),
    (
        "dk-sf1500-oioidws.wsdl",
        "3 × 44: IssuedToken is not built yet",
    ),
    (
        "dk-xua-bearer-nosign.wsdl",
        "81: IssuedToken is not built yet",
    ),
    (
        "epicor-abccode-nettcp.wsdl",
        "in another file: 32: SslContextToken is not built yet; 27 × messages: body signed, 7 headers signed, \
        body encrypted; transport Basic256, signed user name; 666: WindowsTransportSecurity is not built yet",
    ),
    (
        "eu-edelivery-as4-bst-pkip.xml",
        "54: Attachments is not built yet",
    ),
    (
        "it-unitn-ada-basichttp-message.wsdl",
        "in another file: 4 × asymmetric Basic256; 124 × messages: body signed, body encrypted",
    ),
    (
        "jaxws-ms-mex-2004-08.xml",
        "2 × asymmetric Basic256; 2 × 926: KerberosToken is not built yet",
    ),
    (
        "jbossws-secconv.wsdl",
        "symmetric Basic128, conversation (asymmetric Basic128)",
    ),
    (
        "metro-allfeatures.xml",
        "81: OptimizedMimeSerialization is not built yet",
    ),
    (
        "metro-excelclient-sc-rm-wsit.xml",
        "symmetric Basic128, conversation (symmetric Basic128, certificate, signed user name), reliable; 12 × \
        messages: body signed, 10 headers signed, body encrypted",
    ),
    (
        "metro-interop-sc-ms-sts.wsdl",
        "70: IssuedToken is not built yet",
    ),
    (
        "metro-oracle-nobehavior.xml",
        "nothing",
    ),
    (
        "metro-pricequote-retailer.wsdl",
        "93: OptimizedMimeSerialization is not built yet; 148: IssuedToken is not built yet",
    ),
    (
        "nettcp-windows-filereader.wsdl",
        "36: transport http://schemas.microsoft.com/soap/tcp is not built yet",
    ),
    (
        "nl-digipoort-aanleveren.wsdl",
        "asymmetric Basic128Rsa15 or 2 more [remarks: 5]",
    ),
    (
        "no-altinn-admin-ec.wsdl",
        "transport Basic256, endorsing conversation (transport Basic256, endorsing certificate)",
    ),
    (
        "no-altinn-admin-ec2-cookie.wsdl",
        "transport Basic256, endorsing conversation (transport Basic256, endorsing certificate)",
    ),
    (
        "nodesoap-undeclared-prefix-broken.wsdl",
        "6: prefix wsu is not declared",
    ),
    (
        "pl-epuap-doreczyciel.wsdl",
        "137: SecurityToken is not built yet",
    ),
    (
        "pl-epuap-sign-policy.wsdl",
        "11: AsymmetricBinding has no RecipientToken",
    ),
    (
        "rampart-pkipath-30.xml",
        "asymmetric TripleDesRsa15 [remarks: 1]",
    ),
    (
        "rampartc-scenario18-client.xml",
        "9: Issuer is not built yet",
    ),
    (
        "servicebus-sitemanager.wsdl",
        "transport Basic256",
    ),
    (
        "sk-upvs-eks-nobinding.wsdl",
        "31: IssuedToken is not built yet",
    ),
    (
        "sk-upvs-getidentity.wsdl",
        "63: IssuedToken is not built yet",
    ),
    (
        "sk-upvs-sts-x509.wsdl",
        "asymmetric Basic256, some messages in clear",
    ),
    (
        "svcutil-six-endpoints-tempuri.wsdl",
        "5 × no security; 3 × transport Basic256; 45: BinaryEncoding is not built yet; 2 × 1281: transport \
        http://schemas.microsoft.com/soap/tcp is not built yet",
    ),
    (
        "svcutil-truncated-broken.wsdl",
        "1: not well-formed: syntax error: tag not closed: `>` not found before end of input",
    ),
    (
        "talend-saml-authz-crypto.policy",
        "5: Authorization is not known",
    ),
    (
        "twmc-username-sc-people.wsdl",
        "transport Basic256, endorsing conversation (transport Basic256, signed user name)",
    ),
    (
        "us-gfipm-user-sts-policy.wsdl",
        "44: OptimizedMimeSerialization is not built yet; 2 × messages: body signed, 11 headers signed, body \
        encrypted",
    ),
    (
        "us-gfipm-user-wsp-policy.wsdl",
        "49: OptimizedMimeSerialization is not built yet; 2 × messages: body signed, 11 headers signed, body \
        encrypted",
    ),
    (
        "vmware-ssoclient-sts.wsdl",
        "transport Basic256Sha256, tokens of messages [remarks: 1]",
    ),
    (
        "wshttp-windows-dwservice.wsdl",
        "32: SpnegoContextToken is not built yet",
    ),
    (
        "wso2-scenario20-kerberos-sp-policy.xml",
        "28: KerberosToken is not built yet [remarks: 1]",
    ),
    (
        "wss4j-wsp15-432-compact.xml",
        "symmetric Basic256, certificate or 7 more [remarks: 3]",
    ),
];
