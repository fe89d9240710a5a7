import type { Frame } from './protocol.ts';

/** What both logins, the client's at us and ours at the server, say to the world and hear from it. */

/** Facts about an established TLS channel. */
export interface TlsFacts {
  /** ALPN agreed on, or null. */
  readonly alpn: string | null;
  /** RFC 5929 tls-server-end-point: hash of the server's certificate; undefined where the algorithm has none. */
  readonly serverEndPoint?: Buffer;
  /** Client side of us only: whether the certificate was verified against a CA (and host, for verify-full). */
  readonly verified?: boolean;
}

// ---- the client's login at us ------------------------------------------------------------------------------------

export type AcceptInput =
  | { readonly kind: 'frame'; readonly frame: Frame }
  /** The raw first byte was a TLS handshake record: direct TLS. */
  | { readonly kind: 'tls-first-byte' }
  | { readonly kind: 'tls-established'; readonly facts: TlsFacts }
  | Identity;

/** Answer to need-verifier: by what the client, under the name that it gave, is to prove who it is. */
export type Identity =
  /** undefined: unknown, disabled, expired or without a password; the exchange goes on with a mock. */
  | { readonly kind: 'verifier'; readonly verifier: string | undefined }
  /**
   * DANGER: no password is asked for. Only where nobody but this user can reach us: on a pod's loopback. `user`: the name
   * of whom the client is, whatever it called itself.
   */
  | { readonly kind: 'trusted'; readonly user: string }
  /** Nobody is let in now, or not under this name, and the client may know why. */
  | { readonly kind: 'turned-away'; readonly why: TurnedAway };

export interface TurnedAway {
  /** For audit. */
  readonly reason: 'unavailable' | 'not-bound' | 'disabled' | 'expired';
  readonly sqlstate: string;
  readonly message: string;
  readonly hint?: string;
}

export type AcceptEffect =
  | { readonly kind: 'to-client'; readonly bytes: Buffer }
  | { readonly kind: 'upgrade-tls' }
  | { readonly kind: 'need-verifier'; readonly user: string }
  | { readonly kind: 'accepted'; readonly login: ClientLogin }
  /** A CancelRequest: carry it out, then close without a word. `key` is 4 to 256 bytes. */
  | { readonly kind: 'cancel'; readonly pid: number; readonly key: Buffer }
  /** Say `bytes` if there are any, then close. `reason` is for logs and metrics. */
  | { readonly kind: 'close'; readonly bytes?: Buffer; readonly reason: string };

/** Who a client is and what it asked for; AuthenticationOk has not been sent yet when its login was by password: encodeAuthenticationOk follows. */
export interface ClientLogin {
  readonly user: string;
  /** As sent, or undefined: the backend's default. */
  readonly database: string | undefined;
  /** Protocol minor version agreed: 3.0 or 3.2. Decides the cancel key's length. */
  readonly minor: 0 | 2;
  /** Settings of the start-up packet (options' -c included, options itself removed), names lower-cased, in order, all on the allow-list. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  readonly tls: boolean;
}

// ---- our login at the server -------------------------------------------------------------------------------------

export type ConnectInput =
  /** The TCP connection is there. */
  | { readonly kind: 'connected' }
  /** The single byte that answers SSLRequest. */
  | { readonly kind: 'ssl-answer'; readonly byte: number }
  | { readonly kind: 'tls-established'; readonly facts: TlsFacts }
  | { readonly kind: 'frame'; readonly frame: Frame }
  /** Answer to derive-key: 32 bytes. */
  | { readonly kind: 'derived-key'; readonly saltedPassword: Buffer };

export type ConnectEffect =
  | { readonly kind: 'to-server'; readonly bytes: Buffer }
  /** The next single byte is an answer to SSLRequest, not a frame. */
  | { readonly kind: 'await-ssl-answer' }
  | { readonly kind: 'upgrade-tls' }
  /** PBKDF2-HMAC-SHA-256 to 32 bytes: milliseconds and more, so off the main thread. No frame may come before its answer. */
  | {
      readonly kind: 'derive-key';
      readonly password: Buffer;
      readonly salt: Buffer;
      readonly iterations: number;
    }
  | { readonly kind: 'ready'; readonly server: ServerLogin }
  /**
   * The server said no, or isn't PostgreSQL (`product`: what it is). `error` is the ErrorResponse's body as received,
   * where there was one.
   */
  | {
      readonly kind: 'failed';
      readonly reason: string;
      readonly product?: string;
      readonly sqlstate?: string;
      readonly error?: Buffer;
    };

export interface ServerLogin {
  /** ParameterStatus in the order received. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  readonly pid: number;
  readonly key: Buffer;
  readonly major: 15 | 16 | 17 | 18;
}
