import { expect } from 'chai';
import { nextConditions, type ConditionNow } from './conditions.ts';

const READY: ConditionNow = { type: 'Ready', status: 'True', reason: 'InForce', message: 'It is in force.' };
const EARLY = Date.parse('2026-01-01T00:00:00.900Z');
const LATE = Date.parse('2026-02-01T00:00:00Z');

describe('conditions', () => {
  it('keep the time of the last change of status, while all else moves on', () => {
    const first = nextConditions(undefined, [READY], 1, EARLY);
    const second = nextConditions(first, [{ ...READY, reason: 'Other', message: 'And so on.' }], 2, LATE);
    expect(second).to.deep.equal([
      {
        type: 'Ready',
        status: 'True',
        observedGeneration: 2,
        lastTransitionTime: '2026-01-01T00:00:00Z',
        reason: 'Other',
        message: 'And so on.',
      },
    ]);
  });

  it('take a new time when the status changes', () => {
    const first = nextConditions(undefined, [READY], 1, EARLY);
    const [second] = nextConditions(first, [{ ...READY, status: 'Unknown' }], 1, LATE);
    expect(second?.lastTransitionTime).to.equal('2026-02-01T00:00:00Z');
  });

  it('are exactly those that are wanted, the same for the same', () => {
    const first = nextConditions(undefined, [READY, { ...READY, type: 'Stalled' }], 1, EARLY);
    expect(nextConditions(first, [READY], 1, LATE)).to.deep.equal(first.slice(0, 1));
  });

  it('keep a message to what the API server takes', () => {
    const [long] = nextConditions(undefined, [{ ...READY, message: 'x'.repeat(40_000) }], 1, EARLY);
    expect(long?.message).to.have.length(32_768);
  });
});
