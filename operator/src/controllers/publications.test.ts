import { expect } from 'chai';
import { Publications } from './publications.ts';

const REASON = { text: 'DbUser a/u changed', by: 'kubectl' };
const SCOPES = new Set(['a/one', 'a/gateway']);

describe('publications', () => {
  it('hold a change when all scopes of its resource were published after it', () => {
    const all = new Publications();
    all.touch(SCOPES, ['DbUser/a/u'], REASON, 5);
    expect(all.standing('DbUser/a/u', SCOPES)).to.deep.equal({ kind: 'pending', since: 5 });
    expect(all.done(all.begin('a/one'), 10)).to.deep.equal(['DbUser/a/u']);
    expect(all.standing('DbUser/a/u', SCOPES).kind).to.equal('pending');
    all.done(all.begin('a/gateway'), 10);
    expect(all.standing('DbUser/a/u', SCOPES)).to.deep.equal({ kind: 'published' });
  });

  it('hold no change that came after the resources were read', () => {
    const all = new Publications();
    all.touch(['a/one'], ['DbUser/a/u'], REASON, 1);
    const attempt = all.begin('a/one');
    all.touch(['a/one'], ['DbUser/a/u'], REASON, 2);
    all.done(attempt, 10);
    expect(all.standing('DbUser/a/u', new Set(['a/one']))).to.deep.equal({ kind: 'pending', since: 2 });
    expect(all.isPublished('a/one')).to.equal(false);
    expect(all.revisionFor('DbUser/a/u', 'a/one')).to.equal(undefined);
  });

  it("leave a resource published while another's change of its scope is on its way", () => {
    const all = new Publications();
    all.touch(['a/gateway'], ['DbUser/a/u'], REASON, 1);
    all.done(all.begin('a/gateway'), 10);
    all.touch(['a/gateway'], ['DbUser/a/v'], REASON, 2);
    expect(all.standing('DbUser/a/u', new Set(['a/gateway'])).kind).to.equal('published');
    all.done(all.begin('a/gateway'), 11);
    expect(all.revisionFor('DbUser/a/u', 'a/gateway')).to.equal(10);
    expect(all.revisionFor('DbUser/a/v', 'a/gateway')).to.equal(11);
  });

  it('tell those who wait of trouble once, and of its end', () => {
    const all = new Publications();
    all.touch(['a/one'], ['DbUser/a/u'], REASON, 1);
    all.standing('DbUser/a/u', new Set(['a/one']));
    expect(all.failed(all.begin('a/one'), 'RedisAway')).to.deep.equal(['DbUser/a/u']);
    expect(all.standing('DbUser/a/u', new Set(['a/one']))).to.deep.include({ trouble: 'RedisAway' });
    expect(all.failed(all.begin('a/one'), 'RedisAway')).to.deep.equal([]);
    expect(all.done(all.begin('a/one'), 10)).to.deep.equal(['DbUser/a/u']);
  });

  it('say who and why until it has been published, in a few words', () => {
    const all = new Publications();
    all.touch(['a/one'], [], REASON, 1);
    expect(all.begin('a/one')).to.deep.include({ who: 'kubectl', why: 'DbUser a/u changed' });
    for (let change = 0; change < 20; change++)
      all.touch(['a/one'], [], { text: `Secret a/s${String(change)} changed`, by: undefined }, 1);
    const attempt = all.begin('a/one');
    expect(attempt.who).to.equal('kubectl');
    expect(attempt.why).to.match(/^DbUser a\/u changed, Secret a\/s0 changed, .* and 13 more$/);
    all.done(attempt, 10);
    expect(all.begin('a/one')).to.deep.include({ who: 'articdbm-operator', why: '' });
  });
});
