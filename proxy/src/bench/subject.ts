/** What is measured: the proxy as a process of its own, with a policy of twenty rules and audit lines written to a file. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Snapshot, SnapshotRule } from '#contract/snapshot/types';
import { serialiseSnapshot } from '#contract/snapshot/serialise';
import { scramVerifier } from '#contract/snapshot/verifier';
import { makeCertificate } from '#test/harness/certificate';
import { freePort } from '#test/harness/ports';
import type { PostgresServer } from '#test/harness/postgres-server';
import type { Target } from './pgbench.ts';
import { untilListening } from './processes.ts';

const BACKEND = 'bench/bench';

/** Nineteen rules that don't matter and one that does, as a user of some age has. */
function rules(): SnapshotRule[] {
  const others = Array.from({ length: 19 }, (_, index): SnapshotRule => ({
    permission: `bench/other-${index}`,
    sql: {
      databases: ['postgres'],
      schemas: ['public'],
      tables: [`other_${index}`, `prefix_${index}_*`],
      columns: ['id', 'name'],
      actions: ['select', 'update'],
    },
  }));
  return [
    ...others,
    {
      permission: 'bench/accounts',
      sql: { databases: ['postgres'], schemas: ['public'], tables: ['pgbench_*'], actions: ['select'] },
    },
  ];
}

/** One backend, the server, and one user with twenty rules. */
export function policy(server: PostgresServer, user: string, password: string): Snapshot {
  return {
    format: 1,
    scope: 'bench',
    backends: [
      {
        id: BACKEND,
        protocol: 'postgresql',
        endpoints: [{ name: 'primary', host: server.host, port: server.port, role: 'primary' }],
        database: 'postgres',
        searchPath: ['public'],
        tls: { mode: 'disable', allowCleartextPassword: false },
        timeouts: { connect: 3_000, login: 10_000, statement: 30_000, idle: 600_000 },
        audit: 'access',
        users: [
          {
            name: user,
            ref: `bench/${user}`,
            uid: 'bench-user',
            enabled: true,
            verifier: scramVerifier(password, randomBytes(16), 4096),
            limits: {},
            rules: rules(),
          },
        ],
      },
    ],
  };
}

export interface ProxyProcess {
  readonly child: ChildProcess;
  readonly target: Target;
}

export interface ProxyProcessOptions {
  readonly server: PostgresServer;
  readonly folder: string;
  /** What Node runs: the bundle unless said otherwise. */
  readonly program?: string;
  /** Flags of Node's own. */
  readonly nodeFlags?: readonly string[];
}

export async function startProxyProcess(options: ProxyProcessOptions): Promise<ProxyProcess> {
  const { server, folder, program = 'dist-bundle/articdbm-proxy.js', nodeFlags = [] } = options;
  const user = 'bencher';
  const password = randomBytes(12).toString('hex');
  const port = await freePort();
  const certificate = makeCertificate();
  const files = {
    policy: join(folder, 'policy.json'),
    logins: join(folder, 'logins.json'),
    cert: join(folder, 'tls.crt'),
    key: join(folder, 'tls.key'),
  };
  writeFileSync(files.policy, serialiseSnapshot(policy(server, user, password)));
  writeFileSync(files.logins, JSON.stringify({ [BACKEND]: { username: server.user, password: server.password } }), {
    mode: 0o600,
  });
  writeFileSync(files.cert, certificate.cert);
  writeFileSync(files.key, certificate.key, { mode: 0o600 });
  const log = openSync(join(folder, 'proxy.log'), 'a');
  const child = spawn(
    process.execPath,
    [
      '--max-old-space-size=64',
      ...nodeFlags,
      program,
      ...['--policy', files.policy, '--logins', files.logins, '--listen', `${BACKEND}=127.0.0.1:${port}`],
      ...['--tls-cert', files.cert, '--tls-key', files.key, '--admin', `127.0.0.1:${await freePort()}`],
      ...['--audit-log', join(folder, 'audit.log')],
    ],
    { stdio: ['ignore', log, log] },
  );
  await untilListening(port);
  return { child, target: { name: 'articdbm', port, user, password, database: 'postgres' } };
}
