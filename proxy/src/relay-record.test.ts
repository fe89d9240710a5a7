import { expect } from 'chai';
import type { AuditLevel } from '#contract/snapshot/types';
import type { InFlight, JudgedStep } from './protocols/protocol.ts';
import { SessionRecord } from './relay-record.ts';
import type { BoundUser } from './snapshot/directory.ts';
import type { Recorder } from './telemetry/recorder.ts';

const NOON = Date.UTC(2026, 0, 1, 12, 0, 0, 7);

const step: JudgedStep = {
  statements: [
    {
      offset: 0,
      tag: 'SELECT',
      ask: {
        kind: 'requests',
        requests: [
          {
            action: 'select',
            resource: { kind: 'relation', database: 'shop', schema: 'pub"lic', name: 'or\nders', columns: 'all' },
          },
        ],
      },
      judgedAt: 'bind',
      effects: [],
      constantsMatter: false,
    },
  ],
};

const inFlight = (more: Partial<InFlight> = {}): InFlight => ({
  sent: 1_000,
  steps: [step],
  charged: true,
  copies: 0,
  text: 'select "a\\b" from orders where id = $1',
  refusedStep: undefined,
  refusal: undefined,
  ending: undefined,
  replacedBy: undefined,
  ...more,
});

const userAt = (audit: AuditLevel, ref = 'default/o"brien'): BoundUser =>
  ({ user: { ref }, audit, revision: 12 }) as unknown as BoundUser;

describe('the record of a session', () => {
  let lines: string[];
  let now: number;
  let record: SessionRecord;

  beforeEach(() => {
    lines = [];
    now = NOON;
    const recorder: Partial<Recorder> = {
      statement: () => undefined,
      denial: () => undefined,
      audits: () => true,
      auditLine: (line) => void lines.push(line),
    };
    record = new SessionRecord(
      recorder as Recorder,
      { now: () => now, monotonic: () => 1_000.12345, randomBytes: (count) => Buffer.alloc(count) },
      {
        backend: 'default/shop',
        protocol: 'postgresql',
        client: '[::1]:5000',
        session: 7,
        username: 'o"brien\\',
        application: 'app\u2028"',
      },
    );
  });

  const who = {
    backend: 'default/shop',
    protocol: 'postgresql',
    client: '[::1]:5000',
    session: 7,
    username: 'o"brien\\',
    application: 'app\u2028"',
    user: 'default/o"brien',
  };
  const what = { tag: 'SELECT', actions: ['select'], objects: ['pub"lic.or\nders'] };

  it('writes one line of JSON, whatever quotes and line ends the names hold', () => {
    record.statement(userAt('access'), inFlight(), 'ok');
    expect(lines[0]).to.not.include('\n');
    expect(JSON.parse(lines[0] ?? '')).to.deep.equal({
      audit: true,
      time: '2026-01-01T12:00:00.007Z',
      kind: 'statement',
      ...who,
      outcome: 'ok',
      revision: 12,
      milliseconds: 0.123,
      ...what,
    });
  });

  it('says why a statement was refused', () => {
    const refusal = { reason: 'permission', sqlstate: '42501', message: 'no' } as const;
    record.statement(userAt('access'), inFlight({ steps: [], refusedStep: step, replacedBy: refusal }), 'denied');
    expect(JSON.parse(lines[0] ?? '')).to.include({ kind: 'denial', outcome: 'refused', reason: 'permission' });
    expect(JSON.parse(lines[0] ?? '')).to.deep.include(what);
  });

  it('tells a text only to who asked for texts', () => {
    for (const level of ['access', 'statements'] as const) record.statement(userAt(level), inFlight(), 'ok');
    const [without, with_] = lines.map((line) => JSON.parse(line) as { statement?: string });
    expect(without).to.not.have.property('statement');
    expect(with_?.statement).to.equal('select "a\\b" from orders where id = $1');
  });

  it('follows the clock over the second, back too, and a user that is another by now', () => {
    for (const [at, ref] of [
      [NOON + 992, 'default/a'],
      [NOON + 993, 'default/b'],
      [NOON, 'default/a'],
    ] as const) {
      now = at;
      record.statement(userAt('access', ref), inFlight(), 'ok');
    }
    expect(lines.map((line) => (JSON.parse(line) as { time: string }).time.slice(-7))).to.deep.equal([
      '00.999Z',
      '01.000Z',
      '00.007Z',
    ]);
    expect(lines.map((line) => (JSON.parse(line) as { user: string }).user)).to.deep.equal([
      'default/a',
      'default/b',
      'default/a',
    ]);
  });
});
