import { createPrivateKey, KeyObject, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate and its key, PEM. */
export interface Made {
  readonly certificate: string;
  readonly key: string;
}

/** Who signs: PEM. */
export type Authority = Made;

/** Epoch milliseconds. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'; // RFC 5280, section 4.2.1.12

/** A root of its own, name: unique among roots, so that clients tell them apart. */
export async function makeRoot(name: string, validity: Validity): Promise<Made> {
  const x509 = await library();
  const keys = await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...common(validity),
    name: [{ CN: [name] }],
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true), // one more below: makeCross
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), key: pemOf(keys.privateKey) };
}

/** A new root's name and key, signed by an old one: whoever trusts only the old one gets from it to what the new one signs. */
export async function makeCross(root: string, by: Authority, validity: Validity): Promise<string> {
  const x509 = await library();
  const subject = new x509.X509Certificate(root);
  const issuer = new x509.X509Certificate(by.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    ...common(validity),
    subject: subject.subject,
    issuer: issuer.subject,
    publicKey: subject.publicKey,
    signingKey: await signingKey(by.key),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(subject.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return certificate.toString('pem');
}

/** A server's certificate for these DNS names and IP addresses. */
export async function makeLeaf(hosts: readonly string[], by: Authority, validity: Validity): Promise<Made> {
  const x509 = await library();
  const issuer = new x509.X509Certificate(by.certificate);
  const keys = await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const names = hosts.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const);
  const certificate = await x509.X509CertificateGenerator.create({
    ...common(validity),
    subject: [{ CN: ['articdbm'] }], // a name may be longer than a CN can be: clients look at the names below
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await signingKey(by.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([SERVER_AUTH]),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), key: pemOf(keys.privateKey) };
}

/** Costs memory, and is needed every 20 days: loaded when it is. */
async function library() {
  return (await import('./x509-library.ts')).x509;
}

function common({ from, to }: Validity) {
  const serial = Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)));
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive, and as long as it is (RFC 5280, section 4.1.2.2)
  return {
    serialNumber: serial.toString('hex'),
    notBefore: new Date(from),
    notAfter: new Date(to),
    signingAlgorithm: ECDSA,
  };
}

const signingKey = (pem: string): Promise<CryptoKey> =>
  Promise.resolve(createPrivateKey(pem).toCryptoKey(ECDSA, true, ['sign']));

const pemOf = (key: webcrypto.CryptoKey): string => KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' });
