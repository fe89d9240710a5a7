/** Why no connection to a database server came about, and what of it a client is told. */
import { decodeErrorFields, errorField } from '../protocols/postgres/decode.ts';
import { ProtocolError } from '../protocols/protocol.ts';
import type { ConnectEffect } from '../protocols/login.ts';
import type { ConnectFailure } from '../protocols/postgres/connect.ts';

export type DialFailure =
  ConnectFailure | 'unreachable' | 'connect-timeout' | 'login-timeout' | 'tls-failed' | 'closed' | 'aborted';

/**
 * `code` is for logs and metrics, `sqlstate`, `message` and `detail` are for the client: they never tell the upstream login.
 * `serverSqlstate` is what the server itself said.
 */
export class DialError extends Error {
  readonly code: DialFailure;
  readonly sqlstate: string;
  readonly detail: string | undefined;
  readonly serverSqlstate: string | undefined;

  constructor(code: DialFailure, told: Told, options: ErrorOptions & { readonly serverSqlstate?: string } = {}) {
    super(told.message, options);
    this.name = 'DialError';
    this.code = code;
    this.sqlstate = told.sqlstate;
    this.detail = told.detail;
    this.serverSqlstate = options.serverSqlstate;
  }
}

interface Told {
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
}

/** 08001: can't establish; 08006: broke; 0A000: not supported; 57P01: shutting down (appendix A of the manual). */
const TOLD: Readonly<Record<Exclude<DialFailure, 'refused'>, Told>> = {
  unreachable: { sqlstate: '08001', message: 'could not connect to the database server' },
  'connect-timeout': { sqlstate: '08001', message: 'the database server could not be reached in time' },
  'login-timeout': { sqlstate: '08001', message: 'the database server did not finish the login in time' },
  'tls-failed': { sqlstate: '08001', message: 'no secure connection to the database server could be made' },
  'tls-refused': { sqlstate: '08001', message: 'the database server does not support TLS, and TLS is required' },
  'tls-unverified': { sqlstate: '08001', message: 'the database server could not be verified' },
  closed: { sqlstate: '08006', message: 'the database server closed the connection during the login' },
  aborted: { sqlstate: '57P01', message: 'the connection to the database server was given up' },
  method: { sqlstate: '08001', message: 'the database server asks for a way of authentication that is not accepted' },
  protocol: { sqlstate: '08006', message: 'the database server broke the protocol' },
  unproved: { sqlstate: '08006', message: 'the database server did not prove its identity' },
  'not-postgresql': { sqlstate: '0A000', message: 'the database server is not PostgreSQL' },
  version: { sqlstate: '0A000', message: 'the database server is of a version that is not supported (15 to 18 are)' },
  encoding: { sqlstate: '0A000', message: 'the encoding of the database is not supported (UTF8 is)' },
  strings: { sqlstate: '0A000', message: 'the database server does not keep standard_conforming_strings on' },
};

export const dialError = (code: Exclude<DialFailure, 'refused'>, options?: ErrorOptions): DialError =>
  new DialError(code, TOLD[code], options);

type Failed = Extract<ConnectEffect, { readonly kind: 'failed' }>;

/** database: as the client asked for it. */
export function failedLogin(effect: Failed, database: string): DialError {
  const code = effect.reason as ConnectFailure;
  if (code === 'refused') {
    const serverSqlstate = effect.sqlstate ?? '';
    return new DialError(code, refusal(serverSqlstate, effect.error, database), { serverSqlstate });
  }
  if (effect.product !== undefined) {
    const message = `the database server is ${effect.product}, which is not supported: PostgreSQL is`;
    return new DialError(code, { sqlstate: '0A000', message });
  }
  return dialError(code);
}

/** The server's own no: what concerns the client in its words or the server's, what concerns our login in none. */
function refusal(sqlstate: string, error: Buffer | undefined, database: string): Told {
  switch (sqlstate) {
    case '57P01':
    case '57P02':
    case '57P03':
      return { sqlstate: '57P03', message: 'the database server is starting up or shutting down' };
    case '53300':
      return { sqlstate, message: 'the database server has too many connections already' };
    case '3D000':
      return { sqlstate, message: `database "${database}" does not exist` };
    case '55000':
      return { sqlstate, message: `database "${database}" is not currently accepting connections` };
    case '42501':
      return { sqlstate, message: `permission denied for database "${database}"` };
    case '22023': // a value of a setting that the client asked for
    case '22P02':
    case '42704':
      return { sqlstate, message: 'the database server refused a setting', ...serverWords(error) };
    case '28000':
    case '28P01':
      return { sqlstate: '08004', message: "the database server refused the proxy's own login" };
    default:
      return { sqlstate: '08006', message: 'the database server refused the connection' };
  }
}

/** They speak of nothing but the client's own value. */
function serverWords(error: Buffer | undefined): { readonly message?: string; readonly detail?: string } {
  if (error === undefined) return {};
  try {
    const fields = decodeErrorFields(error);
    const [message, detail] = [errorField(fields, 'M'), errorField(fields, 'D')];
    return { ...(message === undefined ? {} : { message }), ...(detail === undefined ? {} : { detail }) };
  } catch (failure) {
    if (failure instanceof ProtocolError) return {};
    throw failure;
  }
}
