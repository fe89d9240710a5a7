import { addressText } from '#contract/addresses';
import type { ListenerConfig } from '#proxy/config';
import { UsageError, parseListen } from '#proxy/flags';
import type { Command, Flags } from '#proxy/flags';
import { serve, untilStopped } from '#proxy/serve';
import { SERVE_FLAGS, serveOptions } from '#proxy/serve-flags';
import { folderArgument } from '../folder/argument.ts';
import { Console } from './console.ts';
import { FolderPolicy } from './folder-policy.ts';
import { Standalone } from './standalone.ts';
import { createVerifiers, mockSecretOf } from './verifiers.ts';
import { watchFolder } from './watch.ts';

export const STANDALONE: Command = {
  usage: 'articdbm standalone DIR [--listen BACKEND=HOST:PORT]…',
  about: `Serves the DatabaseBackends, DbUsers and DbPermissions in the *.yaml, *.yml and *.json of DIR (not in folders
below it); passwords and certificates are in documents of kind Secret, as in Kubernetes. Users log in with their own
names and passwords, on one address for each backend.

DIR is watched. What changes is felt by open sessions at their next statement. While a file is not valid, all of the
last good policy stays in force, and what is wrong is printed with file and line. A resource that refers to something
that is not there is without effect, and holds up no other.

Tables and problems go to stderr; stdout has the log and the audit events, one JSON object a line.
SIGINT or SIGTERM: sessions get time to end, exit code 0. A second one ends at once.

exit code: 0 stopped, 1 it could not start, 2 the command line is wrong`,
  flags: [
    {
      name: 'listen',
      value: 'BACKEND=HOST:PORT',
      help: 'where clients of a backend connect; default 127.0.0.1 and a port from 15432 up, in the order of names',
      many: true,
    },
    ...SERVE_FLAGS,
  ],
};

export async function runStandalone(flags: Flags): Promise<number> {
  const folder = folderArgument(flags);
  const options = serveOptions(flags);
  const asked = askedListeners(flags);
  const out = new Console(process.stderr);
  const policy = new FolderPolicy(folder, createVerifiers(folder), () => Date.now());

  const first = await policy.look(true);
  if (first.kind === 'broken') {
    out.diagnostics(first.diagnostics);
    out.say(`nothing is in force: mend ${folder} first`);
    return 1;
  }
  const mockSecret = mockSecretOf(folder);
  const serving = await serve({
    options,
    snapshots: policy.snapshots,
    credentials: policy,
    confirmed: () => policy.confirmed,
    mockSecret: () => mockSecret,
    sayOfCertificate: (_outcome, text) => out.say(text),
  });
  const standalone = new Standalone({ policy, serving, asked, out });
  const opened = await standalone.open(first.kind === 'sound' ? first.diagnostics : []);
  if (!opened) {
    await serving.stop();
    return 1;
  }
  const { admin } = serving;
  if (admin !== undefined) out.say(`metrics on http://${addressText(admin.host, admin.port)}/metrics`);
  const watch = watchFolder(folder, (reported) => standalone.look(reported));
  await untilStopped(async () => {
    watch.close();
    out.say('stopping: sessions get time to end; a second signal ends them at once');
    await serving.stop();
  });
  return 0;
}

function askedListeners(flags: Flags): ReadonlyMap<string, ListenerConfig> {
  const asked = new Map<string, ListenerConfig>();
  for (const text of flags.all('listen')) {
    const listener = parseListen(text);
    if (asked.has(listener.backend)) throw new UsageError(`--listen names ${listener.backend} twice`);
    asked.set(listener.backend, listener);
  }
  return asked;
}
