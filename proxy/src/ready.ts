/**
 * `articdbm ready`, the startup probe of a pod's proxy: prints what /readyz says, for kubelet shows the output of a command in
 * the pod's events and not the body of an answer. A process of its own at every probe, so it loads nothing else.
 * ARTICDBM_ADMIN: HOST:PORT as the proxy has it; only the port counts. Exit code: 0 ready, 1 not.
 */
import http from 'node:http';

const ADMIN_PORT = 19_090;
const PATIENCE_MS = 2_000;

const port = Number(/:([0-9]{1,5})$/.exec(process.env.ARTICDBM_ADMIN ?? '')?.[1] ?? ADMIN_PORT);
const request = http.get(
  { host: '127.0.0.1', port, path: '/readyz', timeout: PATIENCE_MS, agent: false },
  (response) => {
    process.exitCode = response.statusCode === 200 ? 0 : 1;
    response.pipe(process.stdout);
  },
);
request.on('timeout', () => request.destroy(new Error('no answer in time')));
request.on('error', (error: NodeJS.ErrnoException) => {
  process.stdout.write(`the proxy does not answer on port ${port} yet (${error.code ?? error.message})\n`);
  process.exitCode = 1;
});
