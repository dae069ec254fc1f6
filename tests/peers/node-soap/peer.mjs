// A node-soap client: loads its contract, calls every operation once, and prints a JSON object a line for each call.
//
//   node peer.mjs CONTRACT SECURITY [OPTION=VALUE…]
//
// SECURITY: none; text, digest (user name, with the password in clear or hashed), or certificate (the body and the timestamp signed,
// with SHA-256). Options: user, password; key, a file's path without .key or .pem; transforms=exclusive, exclusive
// canonicalisation alone for what is signed, in place of node-soap's own, which let a signature within it; changed=true, the body is changed after
// it was signed; soap12=true. Which certificates TLS may have says NODE_EXTRA_CA_CERTS.
//
// node-soap does not look at how an answer is secured.
import { readFileSync } from 'node:fs';
import soap from 'soap';

const [contract, kind, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((word) => word.split('=')));

function security() {
  if (kind !== 'certificate') {
    return new soap.WSSecurity(options.user, options.password, {
      passwordType: kind === 'digest' ? 'PasswordDigest' : 'PasswordText',
      hasTimeStamp: true,
      mustUnderstand: true,
    });
  }
  const signatureTransformations = options.transforms && ['http://www.w3.org/2001/10/xml-exc-c14n#'];
  const read = (ending) => readFileSync(options.key + ending);
  // Ids of WS-Security: those that it writes otherwise are in no namespace.
  const signerOptions = { idMode: 'wssecurity' };
  return new soap.WSSecurityCert(read('.key'), read('.pem'), '', { signatureTransformations, signerOptions });
}

const postProcess = (xml) => (options.changed ? xml.replace('</soap:Body>', 'changed</soap:Body>') : xml);

// The reason of a fault, of either version of SOAP.
function told(fault) {
  const reason = fault.faultstring ?? fault.Reason?.Text;
  return String(reason?.$value ?? reason);
}

let good = true;
for (const [call, argument] of [['Echo', { text: 'a < é' }], ['WhoAmI', {}], ['Notify', { text: 'x' }], ['Fail', { why: 'on purpose' }]]) {
  const line = { call, ok: true };
  try {
    // One client for each call: it would sign with what it made for the one before.
    const client = await soap.createClientAsync(contract, { forceSoap12Headers: Boolean(options.soap12) });
    if (kind !== 'none') client.setSecurity(security());
    const [result] = (await client[`${call}Async`](argument, { postProcess })) ?? [];
    line.reply = result?.[`${call}Result`] ?? null;
  } catch (error) {
    const fault = error.root?.Envelope?.Body?.Fault;
    Object.assign(line, { ok: false, ...(fault ? { fault: told(fault) } : { error: error.message }) });
  }
  good &&= line.ok === (call !== 'Fail');
  console.log(JSON.stringify(line));
}
process.exitCode = good ? 0 : 1;
