import { expect } from 'chai';
import fc from 'fast-check';
import { FairBudget } from './fair-budget.ts';
import { judgeReview } from './token-review.ts';

const POD = {
  'authentication.kubernetes.io/pod-name': ['app-1'],
  'authentication.kubernetes.io/pod-uid': ['u-1'],
};
const review = (status: object = {}, user: object = {}) => ({
  status: {
    authenticated: true,
    audiences: ['articdbm.io'],
    user: { username: 'system:serviceaccount:shop:app', extra: POD, ...user },
    ...status,
  },
});

const said = (value: unknown): string => {
  const judged = judgeReview(value);
  return judged.kind === 'caller' ? JSON.stringify(judged.caller) : `${judged.answer.status} ${judged.answer.outcome}`;
};

describe('judgeReview', () => {
  it('takes a whole, clear yes', () => {
    expect(judgeReview(review())).to.deep.equal({
      kind: 'caller',
      caller: { scope: 'shop/app', podName: 'app-1', podUid: 'u-1' },
    });
  });

  for (const [situation, value, expected] of [
    ['an API server that says no', review({ authenticated: false }), '401 TokenRefused'],
    ['one that says nothing', review({ authenticated: undefined }), '401 TokenRefused'],
    ['one that knows nothing of audiences', review({ audiences: undefined }), '401 WrongAudience'],
    ['a yes for its own audience', review({ audiences: ['https://kubernetes.default.svc'] }), '401 WrongAudience'],
    ['a person', review({}, { username: 'alice' }), '403 NotAServiceAccount'],
    ['a node', review({}, { username: 'system:node:n1' }), '403 NotAServiceAccount'],
    ['nobody', review({}, { username: undefined }), '403 NotAServiceAccount'],
    ['a name with a slash', review({}, { username: 'system:serviceaccount:a/b:c' }), '403 NotAServiceAccount'],
    ['a name with braces', review({}, { username: 'system:serviceaccount:shop:{app}' }), '403 NotAServiceAccount'],
    ['a fourth part', review({}, { username: 'system:serviceaccount:shop:app:x' }), '403 NotAServiceAccount'],
    ['no pod', review({}, { extra: {} }), '403 NotBoundToAPod'],
    ['no extra', review({}, { extra: undefined }), '403 NotBoundToAPod'],
    [
      'a pod without a uid',
      review({}, { extra: { ...POD, 'authentication.kubernetes.io/pod-uid': [] } }),
      '403 NotBoundToAPod',
    ],
    [
      'two uids',
      review({}, { extra: { ...POD, 'authentication.kubernetes.io/pod-uid': ['a', 'b'] } }),
      '403 NotBoundToAPod',
    ],
    [
      'an empty uid',
      review({}, { extra: { ...POD, 'authentication.kubernetes.io/pod-uid': [''] } }),
      '403 NotBoundToAPod',
    ],
    ['a page of a proxy in between', '<html>', '401 TokenRefused'],
  ] as const) {
    it(`refuses ${situation}`, () => {
      expect(said(value)).to.equal(expected);
    });
  }

  it('refuses whatever else may come', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(judgeReview(value).kind).to.equal('refused');
      }),
    );
  });
});

describe('FairBudget', () => {
  it('gives nobody more than a part, all no more than the whole, and takes back what was given', () => {
    const amounts = fc.array(
      fc.record({ who: fc.constantFrom('a', 'b', 'c'), amount: fc.integer({ min: 1, max: 6 }) }),
    );
    fc.assert(
      fc.property(amounts, (wishes) => {
        const budget = new FairBudget(10, 6);
        const given: typeof wishes = [];
        for (const wish of wishes) {
          const own = given.filter(({ who }) => who === wish.who).reduce((sum, { amount }) => sum + amount, 0);
          const fits = own + wish.amount <= 6 && budget.taken + wish.amount <= 10;
          expect(budget.take(wish.who, wish.amount)).to.equal(fits);
          if (fits) given.push(wish);
        }
        for (const { who, amount } of given) budget.give(who, amount);
        expect(budget.taken).to.equal(0);
        expect(budget.take('a', 6)).to.equal(true);
      }),
    );
  });

  it('throws at what was never taken', () => {
    expect(() => new FairBudget(1, 1).give('a', 1)).to.throw('more is given back');
  });
});
