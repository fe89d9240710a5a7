import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

/** Entries of the Secret articdbm-tls. */
export const CA_CRT = 'ca.crt';
export const CA_KEY = 'ca.key';
export const TLS_CRT = 'tls.crt';
export const TLS_KEY = 'tls.key';

type Data = Readonly<Record<string, Buffer>>;

/** What the Secret holds. */
export interface CertificateState {
  /** All that clients may trust, the one that signs first. */
  readonly roots: readonly X509Certificate[];
  /** PEM, of the first root. */
  readonly rootKey: string;
  /** Roots' names and keys signed by earlier ones: they go out with the leaf. */
  readonly crosses: readonly X509Certificate[];
  /** undefined: missing or broken. It is made anew, and nothing is lost by that. */
  readonly leaf: Leaf | undefined;
}

export interface Leaf {
  readonly certificate: X509Certificate;
  /** PEM. */
  readonly key: string;
}

/** The root can't be used, and nothing else could stand for it. The message names entries, never what they hold. */
export class CertificatesError extends Error {
  readonly code = 'CERTIFICATES_INVALID';
  constructor(message: string) {
    super(message);
    this.name = 'CertificatesError';
  }
}

/** undefined: the Secret is empty. Throws CertificatesError when its root is not usable. */
export function readState(data: Data): CertificateState | undefined {
  if ([CA_CRT, CA_KEY, TLS_CRT, TLS_KEY].every((name) => data[name] === undefined)) return undefined;
  const roots = certificatesOf(data[CA_CRT]);
  const [signing] = roots ?? [];
  if (roots === undefined || signing === undefined || !roots.every(({ ca }) => ca))
    throw new CertificatesError(`${CA_CRT} is missing or no list of root certificates in PEM`);
  const rootKey = keyOf(data[CA_KEY]);
  if (rootKey === undefined || !signing.checkPrivateKey(rootKey) || !isP256(rootKey))
    throw new CertificatesError(`${CA_KEY} is not the P-256 key of the first root in ${CA_CRT}`);
  const [certificate, ...crosses] = certificatesOf(data[TLS_CRT]) ?? [];
  const key = keyOf(data[TLS_KEY]);
  const fits = certificate !== undefined && key !== undefined && certificate.checkPrivateKey(key);
  return {
    roots,
    rootKey: pemOf(rootKey),
    crosses: crosses.filter(({ ca }) => ca),
    leaf: fits ? { certificate, key: pemOf(key) } : undefined,
  };
}

/** What readState reads. */
export function writeState({ roots, rootKey, crosses, leaf }: CertificateState): Record<string, Buffer> {
  return {
    [CA_CRT]: Buffer.from(bundleOf(roots)),
    [CA_KEY]: Buffer.from(rootKey),
    ...(leaf === undefined
      ? {}
      : { [TLS_CRT]: Buffer.from(bundleOf([leaf.certificate, ...crosses])), [TLS_KEY]: Buffer.from(leaf.key) }),
  };
}

export const bundleOf = (certificates: readonly X509Certificate[]): string =>
  certificates.map((certificate) => certificate.toString()).join('');

const DAY = 86_400_000;
export const LEAF_MS = 30 * DAY;
export const LEAF_LEFT_MS = 10 * DAY;
export const ROOT_MS = 3_652 * DAY;
/** Pods live with the roots that they were made with: the overlap is what they have to be made anew within. */
export const ROOT_LEFT_MS = 730 * DAY;

export type Due = 'root' | 'leaf' | 'nothing';

/** What has to be made. now: epoch milliseconds; hosts: the leaf is for all of them, whoever else it may be for. */
export function dueNow({ roots, leaf }: CertificateState, hosts: readonly string[], now: number): Due {
  const [signing] = roots;
  if (signing === undefined || endOf(signing) - now < ROOT_LEFT_MS) return 'root';
  if (leaf === undefined) return 'leaf';
  const { certificate } = leaf;
  if (!certificate.checkIssued(signing) || !certificate.verify(signing.publicKey)) return 'leaf';
  if (!coversAll(certificate, hosts)) return 'leaf';
  return endOf(certificate) - now < LEAF_LEFT_MS ? 'leaf' : 'nothing';
}

/** Epoch milliseconds. */
export const endOf = ({ validToDate }: X509Certificate): number => validToDate.getTime();

export const coversAll = (certificate: X509Certificate, hosts: readonly string[]): boolean =>
  hosts.every((host) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined);

/** DNS names and IP addresses of a leaf. */
export const hostsOf = ({ subjectAltName = '' }: X509Certificate): readonly string[] =>
  subjectAltName
    .split(', ')
    .map((name) => /^(?:DNS|IP Address):([0-9A-Za-z.:*-]+)$/.exec(name)?.[1])
    .filter((name) => name !== undefined);

const PEM = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** undefined: there is none, or one that can't be read. */
function certificatesOf(pem: Buffer | undefined): readonly X509Certificate[] | undefined {
  const blocks = pem?.toString('latin1').match(PEM);
  if (blocks === null || blocks === undefined) return undefined;
  return readOrNothing(() => blocks.map((block) => new X509Certificate(block)));
}

const keyOf = (pem: Buffer | undefined): KeyObject | undefined =>
  pem === undefined ? undefined : readOrNothing(() => createPrivateKey({ key: pem, format: 'pem' }));

/** What OpenSSL says may quote what it read: it is not passed on. */
function readOrNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

const isP256 = (key: KeyObject): boolean => key.asymmetricKeyDetails?.namedCurve === 'prime256v1';

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' });
