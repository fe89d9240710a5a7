import { expect } from 'chai';
import { planListeners } from './listeners.ts';

const backend = (id: string) => ({ id, protocol: 'postgresql' as const });
const at = (id: string, port: number, host = '127.0.0.1') => [id, { backend: id, host, port }] as const;

describe('listeners', () => {
  it('ports count up from 15432 in the order of names, whatever order the files are read in', () => {
    const planned = planListeners([backend('a/b'), backend('a/a')], new Map(), new Map());
    expect(planned).to.deep.equal([at('a/a', 15_432)[1], at('a/b', 15_433)[1]]);
  });

  it('a port that was asked for is nobody else’s', () => {
    const asked = new Map([at('a/b', 15_432, '0.0.0.0')]);
    expect(planListeners([backend('a/a'), backend('a/b')], new Map(), asked)).to.deep.equal([
      at('a/a', 15_433)[1],
      at('a/b', 15_432, '0.0.0.0')[1],
    ]);
  });

  it('who has a port keeps it when another backend comes before it', () => {
    const open = new Map([at('a/b', 15_432)]);
    expect(planListeners([backend('a/a'), backend('a/b')], open, new Map())).to.deep.equal([at('a/a', 15_433)[1]]);
  });
});
