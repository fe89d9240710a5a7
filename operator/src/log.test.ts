import { expect } from 'chai';
import { pino } from 'pino';
import { ApiError } from './kube/errors.ts';
import { LOG_OPTIONS, describeError } from './log.ts';

describe("the operator's log", () => {
  const logged = (fields: object): string => {
    const lines: string[] = [];
    pino(LOG_OPTIONS('info'), { write: (line: string) => void lines.push(line) }).warn(fields, 'it went wrong');
    return lines.join('');
  };

  it('tells of an error what it is and why, and nothing that came with it', () => {
    // As ioredis throws it.
    const reply = Object.assign(new Error('WRONGPASS invalid username-password pair'), {
      name: 'ReplyError',
      command: { name: 'auth', args: ['operator', 'hunter2'] },
    });
    const answer = { status: 422, reason: 'Invalid', detail: 'spec.password: "hunter2" is too short', retryAfterMs: 1 };
    const error = new Error('the scope was not published', { cause: new ApiError('PATCH /x', answer) });
    for (const line of [logged({ error: reply }), logged({ error })]) expect(line).not.to.include('hunter2');
    expect(logged({ error: reply })).to.include('WRONGPASS');
    expect(logged({ error })).to.include('"code":"KUBE_API"').and.to.include('PATCH /x: 422 Invalid');
  });

  it('shows no secret that a slip hands over', () => {
    const line = logged({ password: 'hunter2', login: { password: 'hunter2', url: 'redis://:hunter2@x' } });
    expect(line).not.to.include('hunter2');
  });

  it('says where what nobody expected came from, and ends where causes go round', () => {
    const error = new TypeError('x is no function');
    error.cause = error;
    const described = describeError(error);
    expect(described.at).to.include('log.test.ts');
    expect(JSON.stringify(described).length).to.be.lessThan(10_000);
    expect(describeError('hunter2')).to.deep.equal({
      name: 'string',
      message: 'something that is no error was thrown',
    });
  });
});
