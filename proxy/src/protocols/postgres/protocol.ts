import type { AcceptEffect, AcceptInput, ClientLogin } from '../login.ts';
import { ProtocolError, type AcceptContext, type Acceptance, type Protocol } from '../protocol.ts';
import type { Refusal } from '../refusal.ts';
import { accept, acceptExpects, acceptStart, type AcceptState } from './accept.ts';
import { LoginFraming } from './decode-frames.ts';
import { encodeAuthenticationOk, encodeBackendKeyData, encodeCancelRequest } from './encode-login.ts';
import { encodeParameterStatus, encodeReadyForQuery } from './encode.ts';
import { PostgresLink } from './link.ts';
import { encodeFarewell } from './refuse.ts';
import { parseSearchPath, writeSearchPath } from './search-path.ts';
import { PostgresSession } from './session.ts';

/** PostgreSQL 3.0 and 3.2, servers 15 to 18. README.md says what is refused. */
export const postgresql: Protocol = {
  name: 'postgresql',
  alpn: ['postgresql'],
  startAccept: (context) => new PostgresAcceptance(context),
  openSession: (context) => new PostgresSession(context),
  openLink: (context) => new PostgresLink(context),
  welcome: (server, key) =>
    Buffer.concat([
      encodeAuthenticationOk(),
      ...server.parameters.map(([name, value]) => encodeParameterStatus(name, value)),
      encodeBackendKeyData(server.pid, key),
      encodeReadyForQuery('I'),
    ]),
  cancelKeyBytes: (login) => (login.minor === 2 ? 32 : 4),
  cancelRequest: (server) => encodeCancelRequest(server.pid, server.key),
  farewell: (refusal: Refusal) => encodeFarewell(refusal),
  pathOfLogin,
  settingsFor,
};

function pathOfLogin(login: ClientLogin): readonly string[] | null | undefined {
  const value = settingOf(login, 'search_path');
  // "$user" would be the proxy's own login at the server, of which the client knows nothing.
  return value === undefined ? undefined : (parseSearchPath(value, '$user') ?? null);
}

const settingOf = (login: ClientLogin, wanted: string): string | undefined =>
  login.settings.findLast(([name]) => name === wanted)?.[1];

/** pg_temp last: what a session makes for itself must not shadow what was judged. */
function settingsFor(login: ClientLogin, path: readonly string[]): readonly (readonly [string, string])[] {
  const others = login.settings.filter(([name]) => name !== 'search_path' && name !== 'client_encoding');
  const schemas = [...path.filter((schema) => schema !== 'pg_temp'), 'pg_temp'];
  return [['search_path', writeSearchPath(schemas)], ...others];
}

class PostgresAcceptance implements Acceptance {
  readonly #framing = new LoginFraming();
  #state: AcceptState;

  constructor(context: AcceptContext) {
    this.#state = acceptStart(context);
  }

  receive(chunk: Buffer): readonly AcceptEffect[] {
    this.#framing.push(chunk);
    return this.#frames();
  }

  step(input: Exclude<AcceptInput, { kind: 'frame' }>): readonly AcceptEffect[] {
    const effects = this.#take(input);
    return effects.length > 0 && !settles(effects) ? [...effects, ...this.#frames()] : effects;
  }

  rest(): Buffer {
    return this.#framing.rest();
  }

  /** Whole messages, as long as nothing has to be done in between. */
  #frames(): readonly AcceptEffect[] {
    const effects: AcceptEffect[] = [];
    try {
      while (!settles(effects)) {
        const frame = this.#framing.next(acceptExpects(this.#state));
        if (frame === undefined) break;
        effects.push(...this.#take({ kind: 'frame', frame }));
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const refusal: Refusal = { reason: 'protocol', sqlstate: error.code, message: error.message };
      effects.push({ kind: 'close', bytes: encodeFarewell(refusal), reason: 'protocol' });
    }
    return effects;
  }

  #take(input: AcceptInput): readonly AcceptEffect[] {
    const [state, effects] = accept(this.#state, input);
    this.#state = state;
    return effects;
  }
}

/** Whether the last effect must be carried out before another message is read. */
const settles = (effects: readonly AcceptEffect[]): boolean => {
  const last = effects.at(-1);
  return last !== undefined && last.kind !== 'to-client';
};
