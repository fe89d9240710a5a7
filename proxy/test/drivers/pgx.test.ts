import { skipUnless } from '#test/harness/skip';
import { CHECKS, checkProgram } from './checks.ts';
import { startFixture } from './fixture.ts';
import type { DriverFixture } from './fixture.ts';
import { pgxProgram } from './toolchains.ts';

describe('pgx 5', function () {
  this.timeout(30_000);
  let command = '';

  before(async function () {
    this.timeout(300_000);
    const built = await pgxProgram();
    skipUnless(this, built !== undefined, 'go with pgx from the module proxy');
    command = built ?? '';
  });

  for (const major of [15, 18] as const) {
    describe(`PostgreSQL ${String(major)}`, () => {
      let fixture: DriverFixture;
      before(async function () {
        fixture = await startFixture(this, major);
      });
      after(async () => {
        await (fixture as DriverFixture | undefined)?.stop();
      });
      checkProgram(
        () => ({ command, args: [] }),
        CHECKS,
        () => fixture,
      );
    });
  }
});
