/**
 * The client's half of SCRAM-SHA-256 and -PLUS as pure steps: RFC 5802 §5 and §7, RFC 7677, RFC 5929 §4.
 * Whatever the server does wrong is a ProtocolError. The key derivation between the steps (PBKDF2, milliseconds) is
 * left to the caller, who may do it off the main thread.
 */
import { ProtocolError } from '#proxy/bytes/protocol-error';
import { equalInConstantTime } from './compare.ts';
import { SCRAM, SCRAM_PLUS } from './scram-messages.ts';
import { clientKeyOf, hmac, MAX_SCRAM_ITERATIONS, serverKeyOf, sha256 } from '#contract/snapshot/verifier';
import { decodeBase64 } from './scram.ts';
import type { ScramMechanism } from './scram-messages.ts';

const BROKEN = '08P01';

export interface ClientScram {
  readonly mechanism: ScramMechanism;
  readonly nonce: string;
  /** gs2-header and, for -PLUS, the hash of the server's certificate behind it. */
  readonly channelBinding: Buffer;
  readonly clientFirstBare: string;
}

/**
 * Chooses the strongest of the mechanisms offered. `endPoint`: tls-server-end-point, when the channel has one.
 * Over such a channel, but without -PLUS in the offer, we say so ("y"): a server that did offer it then knows that
 * someone between us took it away. undefined: none of the mechanisms is ours.
 */
export function clientScramFirst(
  offered: readonly string[],
  nonce: string,
  endPoint: Buffer | undefined,
): readonly [ClientScram, Buffer] | undefined {
  const plus = endPoint !== undefined && offered.includes(SCRAM_PLUS);
  if (!plus && !offered.includes(SCRAM)) return undefined;
  const flag = plus ? 'p=tls-server-end-point' : endPoint !== undefined ? 'y' : 'n';
  const header = Buffer.from(`${flag},,`, 'latin1');
  // The user is known from the start-up packet; PostgreSQL ignores the name in here, libpq sends none.
  const clientFirstBare = `n=,r=${nonce}`;
  const state: ClientScram = {
    mechanism: plus ? SCRAM_PLUS : SCRAM,
    nonce,
    channelBinding: plus ? Buffer.concat([header, endPoint]) : header,
    clientFirstBare,
  };
  return [state, Buffer.concat([header, Buffer.from(clientFirstBare, 'latin1')])];
}

export interface ServerChallenge {
  readonly nonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
  readonly serverFirst: string;
}

const SERVER_FIRST = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,9})(?:,[A-Za-z]=[^,]*)*$/;

/** server-first-message, taken apart and judged. */
export function readServerFirst(state: ClientScram, message: Buffer): ServerChallenge {
  const serverFirst = message.toString('latin1');
  const found = SERVER_FIRST.exec(serverFirst);
  if (found === null) throw new ProtocolError(BROKEN, 'malformed SCRAM message from the server');
  const [, nonce = '', salt64 = '', count = ''] = found;
  // A server that answers to another nonce replays what it heard elsewhere.
  if (!nonce.startsWith(state.nonce) || nonce.length === state.nonce.length) {
    throw new ProtocolError(BROKEN, 'the server answered with a foreign SCRAM nonce');
  }
  const salt = decodeBase64(salt64);
  if (salt === undefined) throw new ProtocolError(BROKEN, 'malformed SCRAM message from the server');
  const iterations = Number(count);
  if (iterations > MAX_SCRAM_ITERATIONS) {
    throw new ProtocolError(BROKEN, 'the server asks for an absurd number of SCRAM iterations');
  }
  return { nonce, salt, iterations, serverFirst };
}

/** client-final-message, and the signature by which the server will prove that it knows the verifier. */
export function clientScramFinal(
  state: ClientScram,
  challenge: ServerChallenge,
  saltedPassword: Buffer,
): { readonly message: Buffer; readonly serverSignature: Buffer } {
  const withoutProof = `c=${state.channelBinding.toString('base64')},r=${challenge.nonce}`;
  const authMessage = `${state.clientFirstBare},${challenge.serverFirst},${withoutProof}`;
  const clientKey = clientKeyOf(saltedPassword);
  const signature = hmac(sha256(clientKey), authMessage);
  const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)));
  return {
    message: Buffer.from(`${withoutProof},p=${proof.toString('base64')}`, 'latin1'),
    serverSignature: hmac(serverKeyOf(saltedPassword), authMessage),
  };
}

/** server-final-message: whether the server proved that it knows the password. */
export function serverProves(serverSignature: Buffer, message: Buffer): boolean {
  const found = /^v=([A-Za-z0-9+/]+={0,2})(?:,[A-Za-z]=[^,]*)*$/.exec(message.toString('latin1'));
  const sent = decodeBase64(found?.[1] ?? '');
  return sent !== undefined && equalInConstantTime(sent, serverSignature);
}
