import { expect } from 'chai';
import { createMetrics } from './metrics.ts';
import type { MetricSources } from './metrics-state.ts';

const FOLLOWER: MetricSources = {
  version: '1.2.3',
  now: () => 100_000,
  leading: () => false,
  queues: () => ({}),
  beatAt: () => undefined,
  historyWaiting: () => undefined,
  doubted: () => undefined,
  silence: () => new Map(),
  objects: () => ({}),
  scopes: () => undefined,
  keys: () => undefined,
  certificateEnds: () => undefined,
};
const LEADER: MetricSources = {
  ...FOLLOWER,
  leading: () => true,
  queues: () => ({ scopes: { ready: 3, running: 2, waiting: 1, failing: 1, oldestMs: 1_500 } }),
  beatAt: () => 90_000,
  historyWaiting: () => 4,
  doubted: () => 0,
  silence: () => new Map([['dbusers', 250]]),
  objects: () => ({ dbusers: 7 }),
  scopes: () => 5,
  keys: () => ({ madeAt: 40_000, count: 2 }),
  certificateEnds: () => 200_000,
};

describe("the operator's metrics", () => {
  const ours = async (sources: MetricSources, act?: (metrics: ReturnType<typeof createMetrics>) => void) => {
    const metrics = createMetrics(sources);
    act?.(metrics);
    const text = await metrics.registry.metrics();
    return text.split('\n').filter((line) => line.startsWith('articdbm_operator_'));
  };

  it('of a leader', async () => {
    const lines = await ours(LEADER);
    for (const line of [
      'articdbm_operator_leader 1',
      'articdbm_operator_queue{queue="scopes",state="ready"} 3',
      'articdbm_operator_queue{queue="scopes",state="failing"} 1',
      'articdbm_operator_queue_oldest_seconds{queue="scopes"} 1.5',
      'articdbm_operator_beat_age_seconds 10',
      'articdbm_operator_history_waiting 4',
      'articdbm_operator_objects{resource="dbusers"} 7',
      'articdbm_operator_watch_silent_seconds{resource="dbusers"} 0.25',
      'articdbm_operator_scopes 5',
      'articdbm_operator_keys 2',
      'articdbm_operator_key_age_seconds 60',
      'articdbm_operator_certificate_end_seconds 200',
      `articdbm_operator_build_info{version="1.2.3",node="${process.version}"} 1`,
    ])
      expect(lines).to.include(line);
  });

  it('of a follower have no number for what only a leader knows', async () => {
    const lines = await ours(FOLLOWER);
    expect(lines).to.include('articdbm_operator_leader 0');
    for (const name of ['queue', 'beat_age', 'history_waiting', 'key_age', 'certificate_end', 'scopes'])
      expect(lines.filter((line) => line.startsWith(`articdbm_operator_${name}`))).to.deep.equal([]);
  });

  it('that stop being known are not shown as they were', async () => {
    let leading = true;
    const metrics = createMetrics({ ...LEADER, beatAt: () => (leading ? 90_000 : undefined) });
    expect(await metrics.registry.metrics()).to.include('articdbm_operator_beat_age_seconds 10');
    leading = false;
    expect(await metrics.registry.metrics()).not.to.include('articdbm_operator_beat_age_seconds 10');
  });

  it('count what parts tell of, and the revision only rises', async () => {
    const lines = await ours(LEADER, (metrics) => {
      metrics.apiRequest('PATCH', 409);
      metrics.watchNotice('dbusers', 'error');
      metrics.reconcile('Scope', 'done', 0.02);
      metrics.publish('published', 0.01, 20);
      metrics.publish('unchanged', 0.01, 10);
      metrics.beat('failed');
      metrics.request('mutate', 'refused', 0.004);
      metrics.refusal('mutate', 'HostNetwork');
      metrics.historyLost('too-many');
    });
    for (const line of [
      'articdbm_operator_api_requests_total{method="PATCH",status="409"} 1',
      'articdbm_operator_watch_notices_total{resource="dbusers",notice="error"} 1',
      'articdbm_operator_reconcile_seconds_count{kind="Scope",outcome="done"} 1',
      'articdbm_operator_publish_seconds_count{outcome="unchanged"} 1',
      'articdbm_operator_revision 20',
      'articdbm_operator_beats_total{outcome="failed"} 1',
      'articdbm_operator_request_seconds_bucket{le="0.005",endpoint="mutate",outcome="refused"} 1',
      'articdbm_operator_refusals_total{endpoint="mutate",reason="HostNetwork"} 1',
      'articdbm_operator_history_lost_total{why="too-many"} 1',
    ])
      expect(lines).to.include(line);
  });
});
