import { CLUSTER_FLAGS, runInCluster } from './cluster/command.ts';
import { FILE_FLAGS, runFromFiles } from './file-command.ts';
import { UsageError } from './flags.ts';
import type { Command, Flags } from './flags.ts';
import { SERVE_FLAGS } from './serve-flags.ts';

export const PROXY: Command = {
  usage: 'articdbm proxy (--operator URL … | --policy FILE --logins FILE) --listen BACKEND=HOST:PORT…',
  about: `With --operator, a part of a cluster: asks the operator who it is, then follows the policy of its ServiceAccount.
What it waits for stands in its log and on /readyz. With --mode sidecar it serves the processes of its own pod, on
loopback and without passwords; with --mode gateway everybody who has a password.

With --policy, from files: SIGHUP reads them again; what is not valid leaves in force what is.

--tls-cert and --tls-key are looked at once a minute and on SIGHUP: new connections are served with what is there.

exit code: 0 stopped, 1 it could not start, 2 the command line is wrong`,
  flags: [
    {
      name: 'listen',
      value: 'BACKEND=HOST:PORT',
      help: 'where clients of a backend connect; * as HOST is everywhere, IPv6 too',
      many: true,
    },
    ...CLUSTER_FLAGS,
    ...FILE_FLAGS,
    ...SERVE_FLAGS,
  ],
};

export async function runProxy(flags: Flags): Promise<number> {
  if (flags.positionals.length > 0) throw new UsageError('it takes flags only');
  const [operator, policy] = [flags.get('operator'), flags.get('policy')];
  if (operator !== undefined && policy !== undefined)
    throw new UsageError('--operator and --policy exclude each other');
  if (operator === undefined && policy === undefined) throw new UsageError('--operator or --policy is missing');
  return operator === undefined ? runFromFiles(flags) : runInCluster(flags);
}
