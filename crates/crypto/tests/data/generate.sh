#!/bin/sh
# Makes every certificate and key of this directory anew. The vectors (*.b64) and the facts that the tests state must
# then be made anew as well: README.md tells how. Needs OpenSSL 3 and nothing else.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/openssl.cnf" <<'CNF'
[req]
distinguished_name = dn
prompt = no
string_mask = utf8only
[dn]
CN = unused
[ca]
default_ca = issuer
[issuer]
database = $ENV::WORK/index.txt
new_certs_dir = $ENV::WORK
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
preserve = yes
[any]
commonName = optional
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost
[no_ski]
basicConstraints = CA:FALSE
keyUsage = digitalSignature, keyEncipherment
subjectKeyIdentifier = none
authorityKeyIdentifier = none
[no_usage]
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
[encipher_only]
basicConstraints = CA:FALSE
keyUsage = critical, keyEncipherment
subjectKeyIdentifier = hash
CNF
export WORK="$work" OPENSSL_CONF="$work/openssl.cnf"
: > "$work/index.txt"

key() { # name algorithm option
    openssl genpkey -quiet -algorithm "$2" -pkeyopt "$3" -out "$work/$1.key"
}
# Signs a certificate: name subject-key subject issuer (or -selfsign) extensions [start end]
certificate() {
    openssl req -new -utf8 -nameopt utf8 -multivalue-rdn -key "$work/$2.key" -subj "$3" -out "$work/$1.csr"
    if [ "$4" = -selfsign ]; then by="-selfsign -keyfile $work/$2.key"; else by="-cert $4.pem -keyfile $work/$4.key"; fi
    # shellcheck disable=SC2086
    openssl ca -batch -notext -utf8 $by -extensions "$5" -preserveDN -in "$work/$1.csr" -out "$1.pem" \
        -startdate "${6:-20250101000000Z}" -enddate "${7:-20491231235959Z}" 2> "$work/log" || { cat "$work/log"; exit 1; }
}
RSA=rsa_keygen_bits
for name in root other-root intermediate leaf imposter other; do key "$name" RSA $RSA:2048; done
key weak RSA $RSA:1024
key ec EC ec_paramgen_curve:P-256
key foreign EC ec_paramgen_curve:secp256k1

certificate root root "/C=DE/O=Nuncio Tests/CN=Nuncio Test Root" -selfsign authority
certificate other-root other-root "/C=DE/O=Nuncio Tests/CN=Nuncio Test Root" -selfsign authority
certificate intermediate intermediate "/C=DE/O=Nuncio Tests/CN=Nuncio Test Intermediate" root authority
LEAF="/C=DE/ST=Berlin/L=Berlin/O=Nuncio Tests/OU=Gateway/CN=localhost/emailAddress=test@localhost"
certificate leaf leaf "$LEAF" root leaf
certificate below leaf "/CN=below" intermediate leaf
certificate expired leaf "$LEAF" root leaf 20200101000000Z 20210101000000Z
certificate encipher-only leaf "/CN=encipher only" root encipher_only
certificate weak weak "/CN=weak" root leaf
certificate ec ec "/CN=ec" root leaf
certificate foreign foreign "/CN=foreign" -selfsign leaf
certificate self-signed leaf "/C=DE/O=Nuncio Tests/CN=self-signed" -selfsign leaf
certificate imposter imposter "/C=DE/O=Nuncio Tests/CN=self-signed" -selfsign leaf
certificate no-ski leaf "/CN=no identifier" -selfsign no_ski
certificate no-usage leaf "/CN=no usage" -selfsign no_usage
cp "$work/leaf.key" "$work/self-signed.key"
certificate below-self-signed imposter "/CN=below self-signed" self-signed leaf
openssl req -new -x509 -sha1 -key "$work/leaf.key" -config /dev/null -subj /CN=sha1 -set_serial 7 -days 9000 -out sha1.pem \
    -addext "basicConstraints=CA:FALSE" -addext "extendedKeyUsage=clientAuth" \
    -addext "subjectAltName=DNS:*.example,IP:192.0.2.7,IP:2001:db8::7"
certificate names leaf '/C=DE/O=Entrust, Inc. \+ "Söhne" <x>; y/2.5.4.97=VATDE-123456789/OU= leading and trailing /CN=#hash+serialNumber=42/DC=example' -selfsign leaf

cp "$work/leaf.key" leaf.key.pem
openssl rsa -traditional -in "$work/leaf.key" -out leaf.pkcs1.key.pem 2> /dev/null
openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:test -in "$work/leaf.key" -out leaf.encrypted.key.pem
cp "$work/weak.key" weak.key.pem
cp "$work/other.key" other.key.pem
cp "$work/ec.key" ec.key.pem

# Stores of PKCS #12, as OpenSSL and Windows write them: now; before OpenSSL 3; and from certmgr, which takes Triple DES for
# both. One without its integrity code, and one without a key.
pfx() { openssl pkcs12 -export -passout "pass:$2" -inkey "$3.key.pem" -in "$4.pem" -out "$1.pfx" "${@:5}"; }
pfx modern pässword leaf below -certfile intermediate.pem -keypbe AES-256-CBC -certpbe AES-256-CBC -macalg sha256
pfx legacy pässword leaf below -certfile intermediate.pem -legacy
pfx windows '' leaf below -certfile intermediate.pem -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1
pfx no-mac pässword leaf below -nomac
openssl pkcs12 -export -passout pass:test -nokeys -in below.pem -out no-key.pfx
