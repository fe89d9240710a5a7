/**
 * A peer broke the protocol. Ends that peer's connection and nothing else. Never holds received values.
 * `code` is the SQLSTATE (or its like in other protocols) that the peer may be told.
 */
export class ProtocolError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProtocolError';
    this.code = code;
  }
}
