import { mock } from 'node:test';
import { expect } from 'chai';
import type { Link } from './protocols/protocol.ts';
import { InFlightWatch } from './relay-watch.ts';

const HOUR = 3_600_000;

describe('the watch over what is in flight', () => {
  afterEach(() => {
    mock.timers.reset();
  });

  it('finds a rule expired soon after the clock was set forward past it', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    let now = 1_000_000;
    let expired = 0;
    const watch = new InFlightWatch({
      link: { first: undefined } as Link,
      environment: { now: () => now, monotonic: () => 0, randomBytes: (length) => Buffer.alloc(length) },
      timeout: () => 0,
      cancel: () => Promise.resolve(),
      ending: () => undefined,
      expired: () => (expired += 1),
      released: () => undefined,
    });
    watch.sent(now + HOUR);
    mock.timers.tick(60_000);
    expect(expired).to.equal(0);
    now += 2 * HOUR;
    mock.timers.tick(10_000);
    expect(expired).to.equal(1);
    watch.stop();
  });
});
