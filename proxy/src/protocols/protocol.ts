/**
 * The one interface between the proxy and a database protocol. A protocol is a folder of pure code beside this file:
 * it never opens a socket, reads a clock or draws a random number; what it needs of these is handed in.
 */

export { ProtocolError } from '../bytes/protocol-error.ts';

/** One whole message. `type` is its first byte, 0 for PostgreSQL's untyped start-up packets; `body` is what follows the length. */
export interface Frame {
  readonly type: number;
  /** A view into the receive buffer: valid until the next read; copy to keep. */
  readonly body: Buffer;
}

/** A login as steps: nothing in it does anything; the effects are carried out in one place. */
export type Step<State, Input, Effect> = (state: State, input: Input) => readonly [State, readonly Effect[]];
