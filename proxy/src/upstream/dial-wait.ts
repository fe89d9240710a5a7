/** Waiting on a socket, each wait ended by an error, the end of the connection, or the signal. */
import { once } from 'node:events';
import { dialError } from './dial-error.ts';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { DialError } from './dial-error.ts';

type Failure = (cause?: unknown) => DialError;

/** Throws DialError `unreachable`, or the signal's reason. */
export const whenConnected = (socket: Socket, signal: AbortSignal): Promise<void> =>
  wait(socket, 'connect', signal, (cause) => dialError('unreachable', { cause }));

/** Throws DialError `tls-failed`, or the signal's reason. */
export const whenSecure = (socket: TLSSocket, signal: AbortSignal): Promise<void> =>
  wait(socket, 'secureConnect', signal, (cause) => dialError('tls-failed', { cause }));

/** Throws DialError `closed`, or the signal's reason. */
export async function whenReadable(socket: Socket, signal: AbortSignal): Promise<void> {
  const closed: Failure = (cause) => dialError('closed', { cause });
  if (socket.destroyed || socket.readableEnded) throw closed(socket.errored ?? undefined);
  await wait(socket, 'readable', signal, closed);
}

/** events.once rejects by itself on `error` and on abort; `end` and `close` are added. */
async function wait(socket: Socket, event: string, signal: AbortSignal, failure: Failure): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  socket.once('end', end).once('close', end);
  try {
    await once(socket, event, { signal: AbortSignal.any([signal, over.signal]) });
  } catch (error) {
    signal.throwIfAborted();
    throw failure(error);
  } finally {
    socket.removeListener('end', end).removeListener('close', end);
  }
}
