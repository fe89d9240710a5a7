import { expect } from 'chai';
import { Allow, Permit } from './decision.ts';

describe('a permit', () => {
  const bytes = Buffer.from('select 1');

  it('gives back the very bytes that it was made for', () => {
    expect(Allow.make(Infinity).permit(bytes).take()).to.equal(bytes);
  });

  it('can not be had from what only looks like an Allow', () => {
    const forged = Object.assign(Object.create(Allow.prototype) as Allow, { outcome: 'allow', until: Infinity });
    expect(() => forged.permit(bytes)).to.throw(TypeError);
  });

  it('can not be forged itself', () => {
    const forged = Object.assign(Object.create(Permit.prototype) as Permit, { bytes });
    expect(() => forged.take()).to.throw(TypeError);
  });
});
