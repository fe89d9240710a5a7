/** RFC 5929 §4.1: tls-server-end-point, the hash of the server's certificate by which SCRAM-PLUS binds to its channel. */
import { createHash } from 'node:crypto';
import { ByteReader } from '#proxy/bytes/reader';
import { ProtocolError } from '#proxy/bytes/protocol-error';

/** Signature algorithm OIDs, DER contents in hex → hash. MD5 and SHA-1 are replaced by SHA-256, as the RFC says. */
const HASH_OF_SIGNATURE: Readonly<Record<string, string>> = {
  '2a864886f70d010104': 'sha256', // md5WithRSAEncryption
  '2a864886f70d010105': 'sha256', // sha1WithRSAEncryption
  '2a864886f70d01010b': 'sha256', // sha256WithRSAEncryption
  '2a864886f70d01010c': 'sha384', // sha384WithRSAEncryption
  '2a864886f70d01010d': 'sha512', // sha512WithRSAEncryption
  '2a864886f70d01010e': 'sha224', // sha224WithRSAEncryption
  '2a8648ce3d0401': 'sha256', // ecdsa-with-SHA1
  '2a8648ce3d040301': 'sha224', // ecdsa-with-SHA224
  '2a8648ce3d040302': 'sha256', // ecdsa-with-SHA256
  '2a8648ce3d040303': 'sha384', // ecdsa-with-SHA384
  '2a8648ce3d040304': 'sha512', // ecdsa-with-SHA512
};

const RSASSA_PSS = '2a864886f70d01010a';

/** Hash OIDs inside RSASSA-PSS parameters (RFC 4055 §3.1); absent means SHA-1. */
const HASH_OF_PSS: Readonly<Record<string, string>> = {
  '2b0e03021a': 'sha256', // sha1
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
  '608648016503040204': 'sha224',
};

/**
 * certificate: DER. undefined: its signature has no hash of its own (Ed25519), or one that we don't know, and so
 * there is no such binding; -PLUS is then neither offered nor chosen.
 */
export function tlsServerEndPoint(certificate: Buffer): Buffer | undefined {
  try {
    const hash = hashOf(certificate);
    return hash === undefined ? undefined : createHash(hash).update(certificate).digest();
  } catch (error) {
    if (error instanceof ProtocolError) return undefined; // not DER
    throw error;
  }
}

const SEQUENCE = 0x30;
const OBJECT_IDENTIFIER = 0x06;
const FIRST_FIELD = 0xa0;

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OID, parameters }, signature } */
function hashOf(certificate: Buffer): string | undefined {
  const outer = new ByteReader(element(new ByteReader(certificate), SEQUENCE));
  element(outer, SEQUENCE);
  const algorithm = new ByteReader(element(outer, SEQUENCE));
  const oid = element(algorithm, OBJECT_IDENTIFIER).toString('hex');
  return oid === RSASSA_PSS ? hashOfPss(algorithm) : HASH_OF_SIGNATURE[oid];
}

function hashOfPss(algorithm: ByteReader): string | undefined {
  const parameters = new ByteReader(element(algorithm, SEQUENCE));
  if (parameters.remaining === 0) return HASH_OF_PSS['2b0e03021a'];
  const field = tagged(parameters);
  if (field.tag !== FIRST_FIELD) return HASH_OF_PSS['2b0e03021a'];
  const identifier = new ByteReader(element(new ByteReader(field.contents), SEQUENCE));
  return HASH_OF_PSS[element(identifier, OBJECT_IDENTIFIER).toString('hex')];
}

function element(reader: ByteReader, tag: number): Buffer {
  const found = tagged(reader);
  if (found.tag !== tag) throw new ProtocolError('08P01', 'unexpected DER element');
  return found.contents;
}

/** X.690 §8.1.3: one length byte, or 0x80 + how many follow. */
function tagged(reader: ByteReader): { readonly tag: number; readonly contents: Buffer } {
  const tag = reader.u8();
  const short = reader.u8();
  if (short < 0x80) return { tag, contents: reader.bytes(short) };
  let length = 0;
  for (const byte of reader.bytes(short & 0x7f).subarray(0, 5)) length = length * 256 + byte;
  return { tag, contents: reader.bytes(length) };
}
