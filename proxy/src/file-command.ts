/** `articdbm proxy` without a cluster: policy and logins from files. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { parseSnapshot } from '#contract/snapshot/parse';
import type { Snapshot, SnapshotBackend } from '#contract/snapshot/types';
import type { UpstreamCredentials, UpstreamLogin } from './config.ts';
import { UsageError, parseListen } from './flags.ts';
import type { Flag, Flags } from './flags.ts';
import { serve, untilStopped } from './serve.ts';
import { serveOptions } from './serve-flags.ts';
import { createSnapshotHolder } from './snapshot/holder.ts';

export const FILE_FLAGS: readonly Flag[] = [
  { name: 'policy', value: 'FILE', help: 'without a cluster: the snapshot (JSON)' },
  {
    name: 'logins',
    value: 'FILE',
    help: 'with --policy: upstream logins (JSON): {"namespace/backend": {"username", "password"}}',
  },
];

interface State {
  readonly snapshot: Snapshot;
  readonly logins: ReadonlyMap<string, UpstreamLogin>;
}

export async function runFromFiles(flags: Flags): Promise<number> {
  const options = serveOptions(flags);
  const files = { policy: flags.required('policy'), logins: flags.required('logins') };
  const listeners = flags.all('listen').map(parseListen);
  if (listeners.length === 0) throw new UsageError('--listen is missing');

  const snapshots = createSnapshotHolder(() => Date.now());
  const credentials = new FileLogins();
  let confirmed = 0;
  const load = (): string | undefined => {
    const state = readState(files);
    if (typeof state === 'string') return state;
    credentials.logins = state.logins;
    snapshots.swap(state.snapshot);
    confirmed = Date.now();
    return undefined;
  };
  const problem = load();
  if (problem !== undefined) return complain(problem);
  const serving = await serve({
    ...{ options, snapshots, credentials, confirmed: () => confirmed },
    sayOfCertificate: (outcome, text) => {
      if (outcome === 'kept') complain(text);
    },
  });
  try {
    for (const listener of listeners) await serving.listen(listener);
    serving.opened();
  } catch (error) {
    await serving.stop();
    return complain(`a listener can not be opened (${codeOf(error)})`);
  }
  process.on('SIGHUP', () => {
    const wrong = load();
    if (wrong !== undefined) complain(`${wrong}: what is in force stays`);
    serving.lookAtCertificate();
  });
  await untilStopped(() => serving.stop());
  return 0;
}

class FileLogins implements UpstreamCredentials {
  logins: ReadonlyMap<string, UpstreamLogin> = new Map();

  loginFor(backend: SnapshotBackend): UpstreamLogin | undefined {
    return this.logins.get(backend.id);
  }
}

const LOGINS = z.record(z.string(), z.strictObject({ username: z.string().min(1), password: z.string() }));

/** A text: what is wrong. It says nothing of what is in the files. */
function readState(files: { readonly policy: string; readonly logins: string }): State | string {
  const read = <T>(file: string, parse: (text: string) => T): T | string => {
    try {
      return parse(readFileSync(file, 'utf8'));
    } catch (error) {
      return `${file} can not be read (${codeOf(error)})`;
    }
  };
  const snapshot = read(files.policy, parseSnapshot);
  const logins = read(files.logins, (text) => LOGINS.parse(JSON.parse(text)));
  if (typeof snapshot === 'string') return snapshot;
  if (typeof logins === 'string') return logins;
  return { snapshot, logins: new Map(Object.entries(logins)) };
}

/** What the system calls the error, or its class: parsers' messages quote the text. */
const codeOf = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.name : 'unknown');

function complain(what: string): 1 {
  process.stderr.write(`articdbm: ${what}\n`);
  return 1;
}
