import { expect } from 'chai';
import type { AuditEvent } from './event.ts';
import { auditEventAt, auditEventWritten, auditKindWritten } from './level.ts';

const event = (more: Partial<AuditEvent>): AuditEvent => ({
  time: '2026-01-01T00:00:00.000Z',
  kind: 'statement',
  backend: 'default/shop',
  protocol: 'postgresql',
  client: '127.0.0.1:5000',
  session: 1,
  outcome: 'ok',
  revision: 1,
  ...more,
});

describe('audit levels', () => {
  const written = (level: Parameters<typeof auditEventWritten>[0]): string[] =>
    [
      event({ kind: 'login' }),
      event({ kind: 'login', outcome: 'refused' }),
      event({ kind: 'login', outcome: 'failed' }),
      event({ kind: 'logout' }),
      event({ kind: 'denial', outcome: 'refused' }),
      event({ kind: 'statement' }),
    ]
      .filter((each) => auditEventWritten(level, each))
      .map((each) => `${each.kind} ${each.outcome}`);

  it('none writes nothing', () => expect(written('none')).to.deep.equal([]));

  it('denied writes denials and logins that came to nothing, and no other', () =>
    expect(written('denied')).to.deep.equal(['login refused', 'login failed', 'denial refused']));

  it('access and statements write every event', () => {
    expect(written('access')).to.have.length(6);
    expect(written('statements')).to.have.length(6);
  });

  it('a kind that may be written is never said to be none', () => {
    for (const level of ['none', 'denied', 'access', 'statements'] as const) {
      for (const kind of ['login', 'logout', 'denial', 'statement'] as const) {
        const any = (['ok', 'refused'] as const).some((outcome) => auditEventWritten(level, event({ kind, outcome })));
        expect(auditKindWritten(level, kind), `${level} ${kind}`).to.equal(any);
      }
    }
  });

  it('the text of a statement is seen at statements only', () => {
    const withText = event({ statement: 'select $1' });
    expect(auditEventAt('statements', withText)).to.have.property('statement', 'select $1');
    expect(auditEventAt('access', withText)).not.to.have.property('statement');
    expect(auditEventAt('access', withText)).to.have.property('kind', 'statement');
  });
});
