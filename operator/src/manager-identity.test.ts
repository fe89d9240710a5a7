import { expect } from 'chai';
import type { networkInterfaces } from 'node:os';
import { leaseIdentity, reachableAddress } from './manager-identity.ts';

describe('where other replicas reach this one', () => {
  const face = (address: string, internal = false) =>
    ({ address, internal }) as NonNullable<ReturnType<typeof networkInterfaces>[string]>[number];
  const POD = { lo: [face('127.0.0.1', true), face('::1', true)], eth0: [face('fe80::1'), face('10.1.2.3')] };

  it('is what it is bound to, or the first address of the machine if it listens everywhere', () => {
    expect(reachableAddress({ host: '127.0.0.1', port: 1 }, POD)).to.deep.equal({ host: '127.0.0.1', port: 1 });
    expect(reachableAddress({ host: '0.0.0.0', port: 8443 }, POD)).to.deep.equal({ host: '10.1.2.3', port: 8443 });
    expect(reachableAddress({ host: '*', port: 8443 }, POD)).to.deep.equal({ host: '10.1.2.3', port: 8443 });
    const six = { eth0: [face('fe80::1'), face('fd00::7')] };
    expect(reachableAddress({ host: '::', port: 8443 }, six)).to.deep.equal({ host: 'fd00::7', port: 8443 });
    expect(reachableAddress({ host: '::', port: 8443 }, {})).to.deep.equal({ host: '127.0.0.1', port: 8443 });
  });

  it('is part of its name in the Lease', () => {
    expect(leaseIdentity('pod-1', { host: 'fd00::7', port: 8443 }, 'ab')).to.equal('pod-1_[fd00::7]:8443_ab');
  });
});
