/**
 * The server's half of SCRAM-SHA-256 and -PLUS as pure steps: RFC 5802 §5 and §7, RFC 7677, and what PostgreSQL's
 * auth-scram.c makes of them. Errors are ProtocolErrors in PostgreSQL's words; a wrong proof is a value.
 */
import { ProtocolError } from '#proxy/bytes/protocol-error';
import { equalInConstantTime } from './compare.ts';
import { clientProofAttribute, GS2_HEADER, SCRAM, SCRAM_PLUS } from './scram-messages.ts';
import { hmac, SCRAM_KEY_BYTES, sha256 } from '#contract/snapshot/verifier';
import { decodeBase64 } from './scram.ts';
import type { ScramMechanism } from './scram-messages.ts';
import type { ScramVerifier } from './scram.ts';

const MALFORMED = '08P01';
const UNSUPPORTED = '0A000';
const INVALID_AUTHORIZATION = '28000';

export interface ServerScramContext {
  readonly mechanism: ScramMechanism;
  readonly verifier: ScramVerifier;
  /** Printable ASCII without a comma, fresh for each login, of at least 18 random bytes. */
  readonly nonce: string;
  /** tls-server-end-point of our certificate, when -PLUS was offered. */
  readonly endPoint: Buffer | undefined;
}

export interface ServerScram {
  readonly context: ServerScramContext;
  readonly gs2Header: string;
  readonly clientFirstBare: string;
  readonly serverFirst: string;
  readonly nonce: string;
}

/** client-first-message → server-first-message. */
export function serverScramFirst(context: ServerScramContext, message: Buffer): readonly [ServerScram, Buffer] {
  const text = printableText(message);
  const [gs2Header, clientFirstBare] = splitGs2(text);
  checkBinding(context, gs2Header);
  const clientNonce = nonceOf(clientFirstBare);
  const nonce = clientNonce + context.nonce;
  const { salt, iterations } = context.verifier;
  const serverFirst = `r=${nonce},s=${salt.toString('base64')},i=${iterations}`;
  return [{ context, gs2Header, clientFirstBare, serverFirst, nonce }, Buffer.from(serverFirst, 'latin1')];
}

export type ServerScramOutcome =
  | { readonly ok: true; readonly message: Buffer }
  /** The client does not know the password. */
  | { readonly ok: false };

/** client-final-message → server-final-message, or no. The same work is done whatever the outcome. */
export function serverScramFinal(state: ServerScram, message: Buffer): ServerScramOutcome {
  const text = printableText(message);
  const [withoutProof, proof64] = clientProofAttribute(text) ?? refuse('malformed SCRAM message');
  const proof = decodeBase64(proof64);
  if (proof?.length !== SCRAM_KEY_BYTES) throw new ProtocolError(MALFORMED, 'malformed SCRAM message');
  checkFinal(state, withoutProof);

  const authMessage = `${state.clientFirstBare},${state.serverFirst},${withoutProof}`;
  const { storedKey, serverKey } = state.context.verifier;
  const signature = hmac(storedKey, authMessage);
  const clientKey = Buffer.from(proof.map((byte, at) => byte ^ (signature[at] ?? 0)));
  const serverSignature = hmac(serverKey, authMessage);
  if (!equalInConstantTime(sha256(clientKey), storedKey)) return { ok: false };
  return { ok: true, message: Buffer.from(`v=${serverSignature.toString('base64')}`, 'latin1') };
}

const refuse = (message: string, code = MALFORMED): never => {
  throw new ProtocolError(code, message);
};

/** Messages are text without NUL; names in them may be UTF-8 (kept byte for byte as latin1, they go into the HMAC). */
function printableText(message: Buffer): string {
  if (message.length === 0 || message.includes(0)) refuse('malformed SCRAM message');
  return message.toString('latin1');
}

/** gs2-header = gs2-cbind-flag "," [authzid] ","; we take no authzid, as PostgreSQL doesn't. */
function splitGs2(text: string): readonly [header: string, bare: string] {
  const found = GS2_HEADER.exec(text);
  if (found === null) {
    if (/^(?:n|y|p=[^,]*),a=/.test(text)) {
      return refuse('client uses authorization identity, but it is not supported', UNSUPPORTED);
    }
    return refuse('malformed SCRAM message');
  }
  const header = found[0];
  return [header, text.slice(header.length)];
}

function checkBinding(context: ServerScramContext, gs2Header: string): void {
  const flag = gs2Header.slice(0, gs2Header.indexOf(','));
  const plus = context.mechanism === SCRAM_PLUS;
  if (flag === 'n' || flag === 'y') {
    if (plus) refuse('malformed SCRAM message');
    // Someone between us removed -PLUS from our offer (RFC 5802 §6).
    if (flag === 'y' && context.endPoint !== undefined) {
      refuse('SCRAM channel binding negotiation error', INVALID_AUTHORIZATION);
    }
    return;
  }
  if (context.mechanism === SCRAM || context.endPoint === undefined) refuse('malformed SCRAM message');
  if (flag !== 'p=tls-server-end-point') refuse('unsupported SCRAM channel-binding type');
}

/** client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]. The name is not used. */
function nonceOf(bare: string): string {
  if (bare.startsWith('m=')) refuse('client requires an unsupported SCRAM extension', UNSUPPORTED);
  const found = /^n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,]*)*$/.exec(bare);
  return found?.[1] ?? refuse('malformed SCRAM message');
}

/** client-final-message-without-proof = channel-binding "," nonce ["," extensions]. */
function checkFinal(state: ServerScram, withoutProof: string): void {
  const found = /^c=([^,]*),r=([^,]*)(?:,[A-Za-z]=[^,]*)*$/.exec(withoutProof);
  if (found === null) refuse('malformed SCRAM message');
  const [, binding = '', nonce = ''] = found ?? [];
  const { mechanism, endPoint } = state.context;
  const bound = mechanism === SCRAM_PLUS && endPoint !== undefined ? endPoint : Buffer.alloc(0);
  const expected = Buffer.concat([Buffer.from(state.gs2Header, 'latin1'), bound]).toString('base64');
  if (!equalInConstantTime(Buffer.from(binding, 'latin1'), Buffer.from(expected, 'latin1'))) {
    if (mechanism === SCRAM_PLUS) refuse('SCRAM channel binding check failed', INVALID_AUTHORIZATION);
    refuse('unexpected SCRAM channel-binding attribute in client-final-message');
  }
  if (nonce !== state.nonce) refuse('invalid SCRAM response');
}
