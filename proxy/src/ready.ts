/**
 * `articdbm ready`, the startup probe of a pod's proxy: waits a while for /readyz to say yes, and else prints what it said
 * last, for kubelet shows the output of a command in the pod's events and not the body of an answer. A process of its own,
 * which costs some 0.1 s of CPU to start: so it looks again and again by itself, and is not started every second in each pod
 * that waits. It loads nothing else. ARTICDBM_ADMIN: HOST:PORT as the proxy has it; only the port counts. Exit code: 0
 * ready, 1 not.
 */
import http from 'node:http';

const ADMIN_PORT = 19_090;
/** Milliseconds: for one answer, between two looks, and for all of it. kubelet's patience (inject-sidecar.ts) is longer. */
const ANSWER_MS = 2_000;
const LOOK_MS = 100;
const WAIT_MS = Number(process.env.ARTICDBM_READY_WAIT_MS ?? 12_000);

const port = Number(/:([0-9]{1,5})$/.exec(process.env.ARTICDBM_ADMIN ?? '')?.[1] ?? ADMIN_PORT);
const agent = new http.Agent({ keepAlive: true });

interface Look {
  readonly ready: boolean;
  readonly says: string;
}

function look(): Promise<Look> {
  return new Promise((resolve) => {
    const request = http.get({ host: '127.0.0.1', port, path: '/readyz', timeout: ANSWER_MS, agent }, (response) => {
      let says = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (says += text));
      response.on('end', () => resolve({ ready: response.statusCode === 200, says }));
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', (error: NodeJS.ErrnoException) =>
      resolve({
        ready: false,
        says: `the proxy does not answer on port ${String(port)} yet (${error.code ?? error.message})\n`,
      }),
    );
  });
}

let last = await look();
while (!last.ready && performance.now() < WAIT_MS) {
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  last = await look();
}
agent.destroy();
process.stdout.write(last.says);
process.exitCode = last.ready ? 0 : 1;
