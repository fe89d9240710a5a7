import { timingSafeEqual } from 'node:crypto';

/** Equality that takes as long for a near miss as for a wide one. Only the lengths may be learnt from its time. */
export const equalInConstantTime = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);
