import { networkInterfaces } from 'node:os';
import { isIPv6 } from 'node:net';
import { addressText, EVERYWHERE } from '#contract/addresses';
import type { Address } from './options.ts';

const WILDCARDS = [EVERYWHERE, '0.0.0.0', '::'];

/** Where other replicas reach what is bound there: one that listens everywhere is reached at the machine's first address. */
export function reachableAddress(bound: Address, interfaces = networkInterfaces()): Address {
  if (!WILDCARDS.includes(bound.host)) return bound;
  const addresses = Object.values(interfaces).flatMap((each) => each ?? []);
  const outside = addresses.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const [first] = [...outside].sort((one, other) => Number(isIPv6(one.address)) - Number(isIPv6(other.address)));
  return { host: first?.address ?? '127.0.0.1', port: bound.port };
}

/** `<pod or host>_<host:port>_<random>`: of this process alone, and it says where the leader is asked. */
export const leaseIdentity = (name: string, reachable: Address, random: string): string =>
  `${name}_${addressText(reachable.host, reachable.port)}_${random}`;
