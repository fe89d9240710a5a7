import { expect } from 'chai';
import { addressText, hostToBind, plainHost } from './addresses.ts';

describe('addresses', () => {
  it('everywhere is no host at all to what listens', () => {
    expect(hostToBind('*')).to.equal(undefined);
    for (const host of ['::', '0.0.0.0', '127.0.0.1', 'localhost']) expect(hostToBind(host)).to.equal(host);
  });

  it('are written with IPv6 in brackets', () => {
    expect(addressText('127.0.0.1', 1)).to.equal('127.0.0.1:1');
    expect(addressText('fd00::1', 5432)).to.equal('[fd00::1]:5432');
  });

  it('of IPv4 are the same whatever the listener was', () => {
    expect(plainHost('::ffff:10.1.2.3')).to.equal('10.1.2.3');
    for (const address of ['10.1.2.3', '::1', 'fd00::ffff:1', '::ffff:a01:203']) {
      expect(plainHost(address)).to.equal(address);
    }
  });
});
