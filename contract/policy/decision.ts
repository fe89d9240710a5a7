import type { AccessRequest } from './request.ts';

/**
 * Why something is refused. A closed set: it labels a metric.
 * The first three are evaluate's; the rest come from what precedes it.
 */
export const DENIAL_REASONS = [
  'permission', // no rule allows it
  'consent', // a rule allows it, the backend's consumers ceiling does not
  'expired', // a rule allowed it until its expiry
  'not-understood', // understood by the grammar, not by the analysis
  'syntax',
  'too-large',
  'guarded', // could hurt the parser, or hurt it
  'encoding',
  'setting', // a setting that is not on the allow-list, or a value that is not allowed
  'rate',
] as const;

export type DenialReason = (typeof DENIAL_REASONS)[number];

export interface Denial {
  readonly reason: DenialReason;
  /** The first request that was not allowed; absent where nothing could be asked. */
  readonly request?: AccessRequest;
  /** What the client reads: one sentence; names only what the client itself named. */
  readonly message: string;
  /** What would help: the permission that is missing, or how to write it otherwise. */
  readonly hint?: string;
}

export interface Deny {
  readonly outcome: 'deny';
  readonly denial: Denial;
}

/** Only `evaluate` makes one. */
export class Allow {
  readonly outcome = 'allow';
  /** Epoch milliseconds at which the earliest rule that this rests on expires; Infinity: never. */
  readonly until: number;
  readonly #made = true;

  private constructor(until: number) {
    this.until = until;
  }

  /** For evaluate.ts alone; ESLint refuses the import elsewhere. */
  static readonly make = (until: number): Allow => new Allow(until);

  /** The right to send these bytes, and no others. */
  permit(bytes: Uint8Array): Permit {
    if (!(#made in this)) throw new TypeError('not an Allow');
    return makePermit(bytes);
  }
}

export type Decision = Allow | Deny;

let makePermit: (bytes: Uint8Array) => Permit;

/**
 * The right to send these very bytes to a server. `Allow.permit` alone makes one, `evaluate` alone makes an Allow,
 * and what forwards takes its bytes from here: what was judged is what is sent.
 */
export class Permit {
  readonly bytes: Uint8Array;
  readonly #made = true;

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  static {
    makePermit = (bytes) => new Permit(bytes);
  }

  /** The bytes, after making sure that this is a true Permit. */
  take(): Uint8Array {
    if (!(#made in this)) throw new TypeError('not a Permit');
    return this.bytes;
  }
}
