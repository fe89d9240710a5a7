/**
 * A leader as a process of its own, which stands still after one step of a publish until it is killed or told to go on.
 * usage: node publisher-child.ts REDIS_URL STORE_URL SCOPE USER STEP
 */
import { once } from 'node:events';
import { DeposedError } from '#operator/publish/publisher';
import { createHistory } from '#operator/store/history';
import { createRevisionStore } from '#operator/store/revisions';
import { Leaders, snapshotOf } from './scene.ts';

const [redisUrl = '', storeUrl = '', scope = '', user = '', stopAfter = ''] = process.argv.slice(2);

const leaders = new Leaders(redisUrl);
const store = createRevisionStore(storeUrl, () => undefined);
const history = createHistory(store, { delayed: () => undefined, lost: () => process.stdout.write('lost\n') });
const leader = await leaders.make({
  history,
  between: async (step) => {
    if (step !== stopAfter) return;
    process.stdout.write('standing\n');
    await once(process.stdin, 'data');
  },
});
await leader.takeOffice();
try {
  await leader.publish({ snapshot: snapshotOf(scope, user), who: 'child', why: `stands still after ${stopAfter}` });
  process.stdout.write('published\n');
} catch (error) {
  process.stdout.write(error instanceof DeposedError ? 'deposed\n' : 'failed\n');
}
process.exit();
