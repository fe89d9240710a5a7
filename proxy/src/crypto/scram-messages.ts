/** What both halves of SCRAM share: mechanism names (RFC 7677 §3) and pieces of RFC 5802 §7's grammar. */

export const SCRAM = 'SCRAM-SHA-256';
export const SCRAM_PLUS = 'SCRAM-SHA-256-PLUS';
export type ScramMechanism = typeof SCRAM | typeof SCRAM_PLUS;

/** gs2-header without an authzid. */
export const GS2_HEADER = /^(?:n|y|p=[A-Za-z0-9.-]+),,/;

/** Splits a client-final-message into what precedes `,p=` and the proof, which is always last. */
export function clientProofAttribute(text: string): readonly [withoutProof: string, proof: string] | undefined {
  const at = text.lastIndexOf(',p=');
  return at === -1 ? undefined : [text.slice(0, at), text.slice(at + 3)];
}
