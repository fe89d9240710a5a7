/** TLS to a database server: what each mode checks, and the facts that the login needs. */
import { isIP } from 'node:net';
import tls from 'node:tls';
import { tlsServerEndPoint } from '#proxy/crypto/channel-binding';
import type { Socket } from 'node:net';
import type { TlsMode } from '#contract/snapshot/types';
import type { TlsFacts } from '../protocols/login.ts';

/** none: encrypted, to whoever answers. ca: to somebody whom the CA vouches for. full: to this very host. */
export type Verification = 'none' | 'ca' | 'full';

/** As libpq: `require` with a CA at hand checks against it; `allow` and `prefer` never check. */
export function verificationOf(mode: TlsMode, ca: string | undefined): Verification {
  if (mode === 'verify-full') return 'full';
  if (mode === 'verify-ca' || (mode === 'require' && ca !== undefined)) return 'ca';
  return 'none';
}

export interface TlsOptions {
  readonly host: string;
  readonly verification: Verification;
  /** PEM; undefined: the system's roots. */
  readonly ca: string | undefined;
}

/** The TLS channel over an open connection, before its handshake. Fails by an `error` event. */
export function wrapTls(socket: Socket, options: TlsOptions): tls.TLSSocket {
  const { host, verification, ca } = options;
  return tls.connect({
    socket,
    ...(isIP(host) === 0 ? { servername: host } : {}), // RFC 6066 §3: no addresses in SNI
    ...(ca === undefined ? {} : { ca }),
    ALPNProtocols: ['postgresql'],
    minVersion: 'TLSv1.2',
    rejectUnauthorized: verification !== 'none',
    checkServerIdentity: (_name, certificate) =>
      verification === 'full' ? tls.checkServerIdentity(host, certificate) : undefined,
  });
}

/** After the handshake. */
export function tlsFacts(socket: tls.TLSSocket, verification: Verification): TlsFacts {
  const certificate = socket.getPeerCertificate().raw as Buffer | undefined; // none: an anonymous cipher
  const serverEndPoint = certificate === undefined ? undefined : tlsServerEndPoint(certificate);
  return {
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : null,
    verified: verification !== 'none' && socket.authorized,
    ...(serverEndPoint === undefined ? {} : { serverEndPoint }),
  };
}
