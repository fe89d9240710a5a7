import { expect } from 'chai';
import { readHeartbeat, writeHeartbeat, type Heartbeat, type ReadHeartbeat } from './heartbeat.ts';

const MAC = Buffer.alloc(32, 1);
const BEAT: Heartbeat = {
  term: 1,
  revision: 2,
  time: 3,
  formats: [1],
  counters: { denied: 4 },
  key: '20261124T090834Z',
};
const read = (text: string, scope = 'a/b', podUid = 'pod-1'): ReadHeartbeat =>
  readHeartbeat(text, { scope, podUid }, (id) => (id === BEAT.key ? MAC : undefined));

describe('a heartbeat', () => {
  const text = writeHeartbeat(BEAT, 'a/b', 'pod-1', MAC);

  it('is read as it was written', () => expect(read(text)).to.deep.equal({ kind: 'heartbeat', beat: BEAT }));
  it('counts for its own pod and scope only', () => {
    expect(read(text, 'a/b', 'pod-2').kind).to.equal('forged');
    expect(read(text, 'a/c').kind).to.equal('forged');
  });
  it('with another pod’s MAC is forged', () => {
    expect(read(writeHeartbeat(BEAT, 'a/b', 'pod-1', Buffer.alloc(32, 2))).kind).to.equal('forged');
  });
  it('altered is forged or malformed', () => {
    const altered = writeHeartbeat({ ...BEAT, revision: 9 }, 'a/b', 'pod-1', MAC).split('.')[0] ?? '';
    expect(read(`${altered}.${text.split('.')[1] ?? ''}`).kind).to.equal('forged');
  });
  it('by a key that is not held says which', () => {
    const other = writeHeartbeat({ ...BEAT, key: 'other' }, 'a/b', 'pod-1', MAC);
    expect(read(other)).to.deep.equal({ kind: 'unknown-key', key: 'other' });
  });
  for (const wrong of ['', '.', 'e30.e30', `${text}.x`, 'x'.repeat(9000)]) {
    it(`that is "${wrong.slice(0, 8)}…" is malformed`, () => expect(read(wrong).kind).to.equal('malformed'));
  }
});
