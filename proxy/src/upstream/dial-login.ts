/** Carries out the effects of our login at a server over an open connection. */
import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { SCRAM_KEY_BYTES } from '#contract/snapshot/verifier';
import { connect, connectStart } from '../protocols/postgres/connect.ts';
import { LoginFraming } from '../protocols/postgres/decode-frames.ts';
import { MAX_LOGIN_REPLY_BYTES } from '../protocols/postgres/messages.ts';
import { ProtocolError } from '../protocols/protocol.ts';
import { dialError, failedLogin } from './dial-error.ts';
import { whenReadable, whenSecure } from './dial-wait.ts';
import { tlsFacts, wrapTls } from './tls.ts';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ConnectContext } from '../protocols/postgres/connect.ts';
import type { ConnectEffect, ConnectInput, ServerLogin } from '../protocols/login.ts';
import type { TlsOptions } from './tls.ts';

const deriveKey = promisify(pbkdf2);

const SERVER_MESSAGE = { untyped: false, limit: MAX_LOGIN_REPLY_BYTES } as const;

export interface LoggedIn {
  readonly socket: Socket | TLSSocket;
  readonly server: ServerLogin;
  /** What the server sent behind its ReadyForQuery: nothing, as a rule. */
  readonly rest: Buffer;
}

/**
 * The login as a whole. Throws DialError, or the signal's reason; the connection is the caller's to destroy then.
 * Nothing is read ahead of what the login needs: the stream is left paused.
 */
export async function logIn(
  tcp: Socket,
  context: ConnectContext,
  tlsOptions: TlsOptions,
  signal: AbortSignal,
): Promise<LoggedIn> {
  const line: Line = { socket: tcp, framing: new LoginFraming(), tlsOptions, signal };
  let [state, effects] = connect(connectStart(context), { kind: 'connected' });
  for (;;) {
    const last = effects.at(-1);
    if (last?.kind === 'ready') return { socket: line.socket, server: last.server, rest: line.framing.rest() };
    if (last?.kind === 'failed') throw failedLogin(last, context.database);
    const input = await perform(line, effects);
    signal.throwIfAborted();
    [state, effects] = connect(state, input);
  }
}

interface Line {
  socket: Socket | TLSSocket;
  readonly framing: LoginFraming;
  readonly tlsOptions: TlsOptions;
  readonly signal: AbortSignal;
}

/** What the last effect asks for, or the server's next message. */
async function perform(line: Line, effects: readonly ConnectEffect[]): Promise<ConnectInput> {
  for (const effect of effects) {
    switch (effect.kind) {
      case 'to-server':
        line.socket.write(effect.bytes);
        break;
      case 'await-ssl-answer':
        return { kind: 'ssl-answer', byte: await nextByte(line) };
      case 'upgrade-tls':
        return upgrade(line);
      case 'derive-key': {
        const { password, salt, iterations } = effect;
        const saltedPassword = await deriveKey(password, salt, iterations, SCRAM_KEY_BYTES, 'sha256');
        return { kind: 'derived-key', saltedPassword };
      }
      default:
        throw new Error(`effect ${effect.kind} is not the last`);
    }
  }
  return nextFrame(line);
}

async function nextFrame(line: Line): Promise<ConnectInput> {
  for (;;) {
    const frame = readFrame(line.framing);
    if (frame !== undefined) return { kind: 'frame', frame };
    line.framing.push(await nextChunk(line));
  }
}

function readFrame(framing: LoginFraming): ReturnType<LoginFraming['next']> {
  try {
    return framing.next(SERVER_MESSAGE);
  } catch (error) {
    if (error instanceof ProtocolError) throw dialError('protocol', { cause: error });
    throw error;
  }
}

async function nextChunk(line: Line, size?: number): Promise<Buffer> {
  for (;;) {
    const chunk = line.socket.read(size) as Buffer | null;
    if (chunk !== null) return chunk;
    await whenReadable(line.socket, line.signal);
  }
}

const nextByte = async (line: Line): Promise<number> => (await nextChunk(line, 1)).readUInt8(0);

/** Bytes that came with the answer were sent in the clear, and would count as said inside the channel (CVE-2021-23222). */
async function upgrade(line: Line): Promise<ConnectInput> {
  if (line.socket.readableLength > 0) throw dialError('protocol');
  const secure = wrapTls(line.socket, line.tlsOptions);
  secure.on('error', ignore);
  line.socket = secure;
  await whenSecure(secure, line.signal);
  return { kind: 'tls-established', facts: tlsFacts(secure, line.tlsOptions.verification) };
}

/** An error event without a listener would end the process; whoever waits has one of their own. */
export const ignore = (): void => undefined;
