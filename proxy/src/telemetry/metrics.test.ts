import { expect } from 'chai';
import type { AuditEvent } from '../audit/event.ts';
import { createLogger } from './log.ts';
import { createRecorder } from './metrics.ts';
import type { ProxyRecorder } from './metrics.ts';

describe('the recorder', () => {
  let policy: { revision: number; confirmed: number } | undefined;
  let log: string[];
  let audited: AuditEvent[];
  let recorder: ProxyRecorder;

  beforeEach(() => {
    policy = undefined;
    log = [];
    audited = [];
    recorder = createRecorder({
      version: '1.2.3',
      logger: createLogger('warn', { write: (line) => log.push(line) }),
      audit: { write: (_level, event) => audited.push(event), writeLine: () => undefined, dropped: () => 7 },
      policy: () => policy,
      parser: () => ({ elsewhere: 3, workersReplaced: 2, grammarsDropped: 1 }),
      now: () => 10_000,
    });
  });

  const scrape = async (): Promise<string[]> => (await recorder.registry.metrics()).split('\n');

  it('counts statements once however often it is scraped', async () => {
    recorder.statement('default/shop', 'read', 'ok', 0.0002);
    recorder.statement('default/shop', 'read', 'ok', 0.002);
    recorder.statement('default/shop', 'write', 'denied', 100);
    await scrape();
    const lines = await scrape();
    expect(lines).to.include('articdbm_proxy_statements_total{backend="default/shop",action="read",outcome="ok"} 2');
    expect(lines).to.include(
      'articdbm_proxy_statements_total{backend="default/shop",action="write",outcome="denied"} 1',
    );
    const seconds = lines.filter((line) => line.startsWith('articdbm_proxy_statement_seconds'));
    expect(seconds).to.include('articdbm_proxy_statement_seconds_bucket{backend="default/shop",le="0.0001"} 0');
    expect(seconds).to.include('articdbm_proxy_statement_seconds_bucket{backend="default/shop",le="0.00025"} 1');
    expect(seconds).to.include('articdbm_proxy_statement_seconds_bucket{backend="default/shop",le="60"} 2');
    expect(seconds).to.include('articdbm_proxy_statement_seconds_bucket{backend="default/shop",le="+Inf"} 3');
    expect(seconds).to.include('articdbm_proxy_statement_seconds_count{backend="default/shop"} 3');
    expect(lines).to.include('# TYPE articdbm_proxy_statement_seconds histogram');
  });

  it('shows connections, logins, links and denials by backend', async () => {
    recorder.connection('default/shop', 1);
    recorder.connection('default/shop', 1);
    recorder.connection('default/shop', -1);
    recorder.login('default/shop', 'refused');
    recorder.link('default/shop', 'leased', 1);
    recorder.denial('default/shop', 'permission');
    const lines = await scrape();
    expect(lines).to.include('articdbm_proxy_connections{backend="default/shop"} 1');
    expect(lines).to.include('articdbm_proxy_logins_total{backend="default/shop",outcome="refused"} 1');
    expect(lines).to.include('articdbm_proxy_links{backend="default/shop",state="leased"} 1');
    expect(lines.filter((line) => line.startsWith('articdbm_proxy_links{'))).to.have.length(2); // connecting, leased
    expect(lines).to.include('articdbm_proxy_denials_total{backend="default/shop",reason="permission"} 1');
  });

  it('tells revision and age of the policy, and no age without one', async () => {
    let lines = await scrape();
    expect(lines).to.include('articdbm_proxy_policy_revision 0');
    expect(lines.some((line) => line.startsWith('articdbm_proxy_policy_age_seconds '))).to.equal(false);
    policy = { revision: 42, confirmed: 7500 };
    lines = await scrape();
    expect(lines).to.include('articdbm_proxy_policy_revision 42');
    expect(lines).to.include('articdbm_proxy_policy_age_seconds 2.5');
  });

  it('has dropped audit events, the version and the process itself', async () => {
    const lines = await scrape();
    expect(lines).to.include('articdbm_proxy_audit_dropped_total 7');
    expect(lines).to.include('articdbm_proxy_parser_events_total{event="worker-replaced"} 2');
    expect(lines).to.include(`articdbm_proxy_build_info{version="1.2.3",node="${process.version}"} 1`);
    expect(lines.some((line) => line.startsWith('process_resident_memory_bytes'))).to.equal(true);
  });

  it('counts logins that were refused, and does not let them flood the log', async () => {
    recorder.trouble('default/shop', 'login-refused', 'password');
    expect(log).to.deep.equal([]);
    expect(await scrape()).to.include('articdbm_proxy_troubles_total{what="login-refused"} 1');
  });

  it('counts and logs trouble', async () => {
    recorder.trouble('default/shop', 'protocol', 'frame too long');
    expect(await scrape()).to.include('articdbm_proxy_troubles_total{what="protocol"} 1');
    expect(JSON.parse(log[0] ?? '')).to.include({ level: 'warn', backend: 'default/shop', msg: 'frame too long' });
  });

  it('writes only the audit events that the level asks for', () => {
    const login: AuditEvent = {
      time: '2026-01-01T00:00:00.000Z',
      kind: 'login',
      backend: 'default/shop',
      protocol: 'postgresql',
      client: '127.0.0.1:5000',
      session: 1,
      outcome: 'ok',
      revision: 1,
    };
    recorder.audit('denied', login);
    recorder.audit('access', login);
    expect(audited).to.have.length(1);
  });

  it('costs a statement less than 2 µs', () => {
    for (let warm = 0; warm < 20_000; warm += 1) recorder.statement('default/shop', 'read', 'ok', 0.0002);
    const started = performance.now();
    for (let count = 0; count < 100_000; count += 1) recorder.statement('default/shop', 'read', 'ok', 0.0002);
    expect((performance.now() - started) / 100).to.be.below(2);
  });
});
