import { expect } from 'chai';
import { inForceAt, judge } from './steady-client.ts';
import type { Outcome } from './steady-client.ts';

const one = (at: number, session: Outcome['session'], statement: Outcome['statement'], sqlstate?: string): Outcome => ({
  at,
  session,
  statement,
  sqlstate,
});

describe('what a steady client has seen', () => {
  it('is wrong when a denied statement passes, or an allowed one fails, whatever the error', () => {
    const good = [one(1, 'open', 'allowed', '00000'), one(2, 'open', 'denied', '42501')];
    expect(judge(good, 0, 3)).to.deep.equal({ allowed: 1, denied: 1, wrong: [], lost: [], gap: 1 });
    for (const bad of [
      one(2, 'fresh', 'denied', '00000'),
      one(2, 'fresh', 'denied', '57P03'),
      one(2, 'open', 'allowed', '42501'),
      one(2, 'open', 'allowed', '57P03'),
    ]) {
      expect(judge([...good, bad], 0, 3).wrong).to.deep.equal([bad]);
    }
  });

  it('counts lost connections and the longest silence of the open session, to the end', () => {
    const lost = one(5, 'fresh', undefined);
    expect(judge([one(1, 'open', 'allowed', '00000'), lost], 0, 9)).to.deep.include({ lost: [lost], gap: 8 });
  });

  it('looks at nothing outside the time', () => {
    expect(judge([one(10, 'open', 'denied', '00000')], 0, 9).wrong).to.deep.equal([]);
  });

  it('tells when a change came into force: not before both kinds of session have seen it twice', () => {
    const seen = [
      one(1, 'open', 'changing', '00000'),
      one(2, 'fresh', 'changing', '42501'),
      one(3, 'open', 'changing', '42501'),
      one(4, 'fresh', 'changing', '42501'),
    ];
    expect(inForceAt(seen, '42501')).to.equal(undefined);
    expect(inForceAt([...seen, one(5, 'open', 'changing', '42501')], '42501')).to.equal(2);
  });

  it('cries out when what was in force is not any more', () => {
    const back = [one(1, 'open', 'changing', '42501'), one(2, 'fresh', 'changing', '00000')];
    expect(() => inForceAt(back, '42501')).to.throw('42501 was in force, and 00000 at 1970-01-01T00:00:00.002Z again');
  });
});
