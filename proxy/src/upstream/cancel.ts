import net from 'node:net';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import type { Endpoint } from '#contract/snapshot/types';
import { verificationOf, wrapTls } from './tls.ts';
import type { SnapshotBackend } from '#contract/snapshot/types';
import { encodeSslRequest } from '../protocols/postgres/encode-login.ts';

/** Milliseconds for the server to take a cancel request. */
const PATIENCE = 5_000;

export interface CancelOptions {
  readonly endpoint: Endpoint;
  readonly tls: SnapshotBackend['tls'];
  /** Whether the link itself goes over TLS: then the key is not sent in the clear either. */
  readonly encrypted: boolean;
  readonly request: Buffer;
}

/**
 * Sends a cancel request over a connection of its own, as the protocol wants it (§54.2.8). Resolves once the server has
 * closed that connection, by which time it has passed the request on; never rejects: false, it may not have arrived.
 */
export async function sendCancel(options: CancelOptions): Promise<boolean> {
  const { host, port } = options.endpoint;
  const socket = net.connect({ host, port, noDelay: true });
  const timer = setTimeout(() => socket.destroy(), PATIENCE);
  try {
    return await carry(socket, options);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function carry(socket: Socket, options: CancelOptions): Promise<boolean> {
  return new Promise((resolve) => {
    let sent = false;
    const over = (): void => resolve(sent);
    const send = (channel: Socket): void => {
      channel.write(options.request);
      channel.resume();
      sent = true;
    };
    socket.once('error', over).once('close', over);
    socket.once('connect', () => {
      if (!options.encrypted) {
        send(socket);
        return;
      }
      socket.write(encodeSslRequest());
      socket.once('data', (answer: Buffer) => {
        if (answer.toString('latin1') !== 'S') {
          over();
          return;
        }
        const { ca, mode } = options.tls;
        const secure = wrapTls(socket, { host: options.endpoint.host, ca, verification: verificationOf(mode, ca) });
        secure.once('error', over).once('close', over);
        secure.once('secureConnect', () => send(secure));
      });
    });
  });
}

export const isEncrypted = (socket: Socket): boolean => socket instanceof tls.TLSSocket;
