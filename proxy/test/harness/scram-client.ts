import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

/** The client's half of SCRAM-SHA-256 (RFC 5802, 7677), apart from the proxy's own: what checks it must not be it. */
export class ScramClient {
  readonly #password: string;
  readonly #gs2: string;
  readonly #bindingData: Buffer;
  readonly #nonce = randomBytes(18).toString('base64');
  #serverSignature: Buffer = Buffer.alloc(0);

  /** `bindingData`: the tls-server-end-point hash for SCRAM-SHA-256-PLUS. */
  constructor(password: string, bindingData?: Buffer) {
    this.#password = password;
    this.#gs2 = bindingData === undefined ? 'n,,' : 'p=tls-server-end-point,,';
    this.#bindingData = bindingData ?? Buffer.alloc(0);
  }

  get clientFirst(): string {
    return `${this.#gs2}${this.#bare}`;
  }

  get #bare(): string {
    return `n=,r=${this.#nonce}`;
  }

  clientFinal(serverFirst: string): string {
    const { r: nonce, s: salt, i: iterations } = attributes(serverFirst);
    if (nonce?.startsWith(this.#nonce) !== true || salt === undefined) throw new Error('SCRAM: bad server-first');
    const salted = pbkdf2Sync(this.#password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256');
    const binding = Buffer.concat([Buffer.from(this.#gs2), this.#bindingData]).toString('base64');
    const withoutProof = `c=${binding},r=${nonce}`;
    const authMessage = `${this.#bare},${serverFirst},${withoutProof}`;
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash('sha256').update(clientKey).digest(), authMessage);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    this.#serverSignature = hmac(hmac(salted, 'Server Key'), authMessage);
    return `${withoutProof},p=${proof.toString('base64')}`;
  }

  /** Throws when the server does not know the password either. */
  verify(serverFinal: string): void {
    const signature = Buffer.from(attributes(serverFinal).v ?? '', 'base64');
    const equal = signature.length === 32 && timingSafeEqual(signature, this.#serverSignature);
    if (!equal) throw new Error('SCRAM: wrong server signature');
  }
}

/** What PostgreSQL keeps of a password: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`. */
export function makeVerifier(password: string, iterations = 4096, salt = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  const server = hmac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${String(iterations)}:${salt.toString('base64')}$${stored}:${server}`;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function attributes(text: string): Record<string, string | undefined> {
  return Object.fromEntries(text.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}
