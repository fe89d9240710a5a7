/* Mocha's spec reporter, and the counts of the run as one JSON line for tools/ci/suites.ts. */
const { writeFileSync } = require('node:fs');
const { Spec } = require('mocha').reporters;

module.exports = class SpecWithCounts extends Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const target = process.env.ARTICDBM_SUITE_COUNTS;
      if (target === undefined) return;
      const { passes, failures, pending } = this.stats;
      writeFileSync(target, JSON.stringify({ passed: passes, failed: failures, skipped: pending }));
    });
  }
};
