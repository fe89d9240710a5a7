import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** PEM, all of it. */
export interface TestCertificate {
  /** The authority that vouches for `cert`. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * A certificate for `localhost` and 127.0.0.1 under an authority of its own, good for a day unless told otherwise
 * (milliseconds). Written out in DER
 * (RFC 5280 §4.1) so that the suites need no openssl.
 */
export function makeCertificate(host = 'localhost', life = 86_400_000): TestCertificate {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = name(`ArticDBM test authority ${randomBytes(4).toString('hex')}`);
  const ca = certificate({ issuer, subject: issuer, subjectKey: authority.publicKey, signer: authority.privateKey }, [
    extension('551d13', true, sequence(der(0x01, Buffer.from([0xff])))), // basicConstraints CA:TRUE
    extension('551d0f', true, der(0x03, Buffer.from([0x02, 0x04]))), // keyUsage keyCertSign
  ]);
  const names = sequence(
    der(0x82, Buffer.from(host, 'latin1')), // dNSName
    der(0x87, Buffer.from([127, 0, 0, 1])), // iPAddress
  );
  const cert = certificate(
    { issuer, subject: name(host), subjectKey: leaf.publicKey, signer: authority.privateKey, life },
    [extension('551d11', false, names)], // subjectAltName
  );
  const key = createPrivateKey(leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return { ca, cert, key: key.export({ type: 'pkcs8', format: 'pem' }) };
}

interface Subject {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly subjectKey: KeyObject;
  readonly signer: KeyObject;
  readonly life?: number;
}

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));

function certificate(
  { issuer, subject, subjectKey, signer, life = 86_400_000 }: Subject,
  extensions: readonly Buffer[],
): string {
  const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(12)]);
  const tbs = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, serial),
    ECDSA_WITH_SHA256,
    issuer,
    sequence(time(-3_600_000), time(life)),
    subject,
    subjectKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions, subjectKeyIdentifier(subjectKey))),
  );
  const signature = sign('sha256', tbs, signer);
  const whole = sequence(tbs, ECDSA_WITH_SHA256, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function subjectKeyIdentifier(key: KeyObject): Buffer {
  const digest = createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
  return extension('551d0e', false, der(0x04, digest));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [der(0x01, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...flag, der(0x04, value));
}

function name(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(commonName)))));
}

function time(offset: number): Buffer {
  const text = new Date(Date.now() + offset).toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${text}Z`));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function der(tag: number, content: Buffer): Buffer {
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const short = length.subarray(length.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([tag, 0x80 | short.length]), short, content]);
}
