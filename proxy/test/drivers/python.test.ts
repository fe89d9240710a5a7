import path from 'node:path';
import { skipUnless } from '#test/harness/skip';
import { CHECKS, checkProgram } from './checks.ts';
import { startFixture } from './fixture.ts';
import type { DriverFixture } from './fixture.ts';
import { pythonWithDrivers } from './toolchains.ts';

const DRIVERS = [
  { name: 'psycopg 3', file: 'psycopg_checks.py', checks: CHECKS },
  { name: 'asyncpg', file: 'asyncpg_checks.py', checks: CHECKS },
  // SQLAlchemy has no means of its own for LISTEN.
  { name: 'SQLAlchemy 2', file: 'sqlalchemy_checks.py', checks: CHECKS.filter((check) => check !== 'notifications') },
];

describe('Python drivers', function () {
  this.timeout(30_000);
  let python = '';

  before(async function () {
    this.timeout(300_000);
    const found = await pythonWithDrivers();
    skipUnless(this, found !== undefined, 'python3 with psycopg, asyncpg and SQLAlchemy from PyPI');
    python = found ?? '';
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
      for (const { name, file, checks } of DRIVERS) {
        describe(name, () => {
          const program = path.join(import.meta.dirname, 'python', file);
          checkProgram(
            () => ({ command: python, args: ['-B', program] }),
            checks,
            () => fixture,
          );
        });
      }
    });
  }
});
