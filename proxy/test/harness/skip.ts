/**
 * What a machine lacks is skipped by name; where CI=true it counts as failed, so that a suite can't pass by being absent.
 */
export function skipUnless(context: Mocha.Context, available: boolean, what: string): void {
  if (available) return;
  if (process.env.CI === 'true') throw new Error(`absent, and CI=true: ${what}`);
  console.log(`      skipped, absent here: ${what}`);
  context.skip();
}
