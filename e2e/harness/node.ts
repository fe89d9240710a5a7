/** What the machine can do to the processes of a node of CLUSTER=local: it sees them all, whichever namespaces they are in. */
import { spawn } from 'node:child_process';
import { existsSync, globSync, readFileSync, readlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const state = process.env.XDG_STATE_HOME ?? join(homedir(), '.local/state');
const work = join(
  process.env.ARTICDBM_CLUSTERS ?? join(state, 'articdbm/clusters'),
  process.env.NAME ?? 'stories',
  'n1',
);

/** Whether the cluster is one whose processes can be reached. */
export const isLocal = (): boolean => existsSync(join(work, 'init.pid'));

const pidsOf = (wanted: (proc: string) => boolean): number[] =>
  globSync('/proc/[0-9]*')
    .filter((proc) => {
      try {
        return wanted(proc);
      } catch (error) {
        if (['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
        throw error;
      }
    })
    .map((proc) => Number(proc.slice('/proc/'.length)));

const text = (file: string): string => readFileSync(file, 'latin1');
const listIn = (file: string): string[] => text(file).split('\0').slice(0, -1);

/** A daemon of the node's own: kube-apiserver, kubelet, … */
export class Daemon {
  readonly #name: string;
  readonly #init = text(join(work, 'init.pid')).trim();
  #args: readonly string[] = [];
  #env: NodeJS.ProcessEnv = {};

  constructor(name: string) {
    this.#name = name;
  }

  /** SIGKILL, as a machine would. */
  kill(): void {
    const pid = this.#pid();
    this.#args = listIn(`/proc/${String(pid)}/cmdline`);
    this.#env = Object.fromEntries(
      listIn(`/proc/${String(pid)}/environ`).map((entry) => [
        entry.split('=', 1)[0] ?? '',
        entry.slice(entry.indexOf('=') + 1),
      ]),
    );
    process.kill(pid, 'SIGKILL');
  }

  /** As it was started before. */
  start(): void {
    const log = `exec "$0" "$@" >>"${work}/log/${this.#name}.log" 2>&1 </dev/null`;
    const into = ['--target', this.#init, '--mount', '--net', '--pid', `--wd=${join(work, '..')}`];
    const command = ['setsid', '--fork', 'sh', '-c', log, ...this.#args];
    spawn('/usr/bin/nsenter', [...into, '--', ...command], { env: this.#env, stdio: 'ignore' });
  }

  #pid(): number {
    const own = readlinkSync(`/proc/${this.#init}/ns/pid`);
    const found = pidsOf((proc) => {
      const [program = ''] = text(`${proc}/cmdline`).split('\0');
      return program.split('/').at(-1) === this.#name && readlinkSync(`${proc}/ns/pid`) === own;
    });
    if (found.length !== 1) throw new Error(`${this.#name} runs ${String(found.length)} times`);
    return found[0] ?? 0;
  }
}

/** The process of a pod, by the pod's uid and a word of its command. Throws unless it is one. */
export function processOf(uid: string, word: string): number {
  const found = pidsOf(
    (proc) => text(`${proc}/cgroup`).includes(`pod${uid}`) && text(`${proc}/cmdline`).includes(word),
  );
  const [pid] = found;
  if (pid === undefined || found.length > 1) throw new Error(`${word} runs ${String(found.length)} times in the pod`);
  return pid;
}
