import { expect } from 'chai';
import { eventually } from '../harness/eventually.ts';
import { account, backend, database, permission, podTemplate, resourcesReady, user } from '../harness/resources.ts';
import { note, story } from '../harness/story.ts';

const HERE = 'story-revocation';
const PODS = 20;
/** Asked is 2 s for p99; a machine that is busy with others may take longer, and one that takes this long is broken. */
const LIMIT_MS = 20_000;

/**
 * One session that asks five times a second, and tells what became of it whenever that is another than before. `cut`: the
 * session ended with the refusal, because a reply was under way (CUT-REPLY in docs/limitations.md).
 */
const ASKING = `
until psql -XAtqc 'select 1' >/dev/null; do sleep 1; done
while echo 'select 1 from orders limit 1 \\g /dev/null' && echo '\\echo orders :SQLSTATE' &&
  echo 'select 1 from customers limit 1 \\g /dev/null' && echo '\\echo customers :SQLSTATE'; do sleep 0.2; done |
{ psql -XAtq 2>/tmp/complaints; grep -q 'FATAL:  user "reporting" may not select' /tmp/complaints && echo cut 42501; } |
while read -r what now; do
  case "$what" in
    customers) [ "$now" = "$customers" ] || echo "$what $now"; customers=$now ;;
    *) [ "$now" = "$orders" ] || echo "$what $now"; orders=$now ;;
  esac
done
echo ended
tail -n 6 /tmp/complaints
trap 'exit 0' TERM
while :; do sleep 1; done
`;

interface Line {
  readonly pod: string;
  readonly at: number;
  readonly says: string;
}

story('a permission taken away', [HERE], (scene) => {
  const orders = permission(HERE, 'orders', 'reporting', 'shop', { tables: ['orders'], actions: ['read'] });

  before(`${PODS} pods, an open session in each`, async function () {
    this.timeout(300_000);
    const { cluster, kubectl } = scene();
    const server = database(HERE);
    await cluster.kubectl.apply(
      ...server.objects,
      ...backend(HERE, 'shop', server),
      account(HERE, 'reporting'),
      user(HERE, 'reporting', { serviceAccounts: ['reporting'] }),
      orders,
      permission(HERE, 'customers', 'reporting', 'shop', { tables: ['customers'], actions: ['read'] }),
    );
    await kubectl.ready(60, 'pod/database');
    await resourcesReady(kubectl);
    const labels = { app: 'many' };
    const container = { command: ['sh', '-c', ASKING] };
    const { metadata, spec } = podTemplate({ account: 'reporting', backends: 'shop', labels, container });
    const template = { metadata, spec: { ...spec, terminationGracePeriodSeconds: 1 } };
    const began = performance.now();
    await cluster.kubectl.apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'many', namespace: HERE },
      spec: { replicas: PODS, selector: { matchLabels: labels }, template },
    });
    await kubectl.run(['rollout', 'status', 'deployment/many', '--timeout=240s'], { seconds: 250 });
    note(`${PODS} pods with sidecars are ready after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    await eventually(30, async () => expect(await told('orders 00000')).to.have.length(PODS));
  });

  /** By the node's clock, to the millisecond: kubelet dates each line. */
  async function log(): Promise<Line[]> {
    const selector = ['-l', 'app=many', '-c', 'app', `--max-log-requests=${PODS}`];
    const text = await scene().kubectl.run(['logs', ...selector, '--prefix', '--timestamps', '--tail=-1']);
    return text
      .trim()
      .split('\n')
      .map((line) => {
        const [pod = '', date = '', ...rest] = line.split(' ');
        return { pod, at: Date.parse(date), says: rest.join(' ') };
      });
  }

  const told = async (says: string): Promise<Line[]> => (await log()).filter((line) => line.says === says);

  it('is felt by the next statement of every open session', async () => {
    const { kubectl } = scene();
    const began = Date.now();
    await kubectl.run(['delete', 'dbpermission', 'orders', '--wait=false']);
    const deleted = Date.now();
    const refused = await eventually((LIMIT_MS * 2) / 1000, async () => {
      const lines = [...(await told('orders 42501')), ...(await told('cut 42501'))];
      expect(lines).to.have.length(PODS);
      return lines;
    });
    const after = refused.map(({ at }) => at - deleted).sort((a, b) => a - b);
    const at = (share: number): string => `${after[Math.ceil(share * after.length) - 1] ?? NaN} ms`;
    note(
      `kubectl delete took ${deleted - began} ms; from its end to the refusal in ${PODS} open sessions, which ask each 200 ms:`,
    );
    note(`p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, max ${at(1)} (asked: p99 at most 2000 ms)`);
    const cut = refused.filter(({ says }) => says === 'cut 42501').length;
    note(`${cut} of them were ended by the refusal, since a reply was under way`);
    expect(after.at(-1)).to.be.lessThan(LIMIT_MS);
  });

  it('takes nothing else from them', async () => {
    const customers = (await log()).filter(({ says }) => says.startsWith('customers'));
    expect(customers.map(({ says }) => says)).to.deep.equal(Array(PODS).fill('customers 00000'));
  });

  it('is felt by the same sessions when it is given back', async () => {
    const { cluster } = scene();
    const open = PODS - (await told('cut 42501')).length;
    await cluster.kubectl.apply(orders);
    await eventually(LIMIT_MS / 1000, async () => expect(await told('orders 00000')).to.have.length(PODS + open));
    expect(await told('ended')).to.have.length(PODS - open);
  });
});
