import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Kubectl } from './kubectl.ts';

/** What psql made of a statement. */
export interface Answer {
  /** `00000` when all is well. */
  readonly sqlstate: string;
  /** Rows, columns parted by `|`; or the error with its HINT. */
  readonly text: string;
}

const STATE = /^(?:psql: error:.*?)?(?:ERROR|FATAL): {2}(?:(\w{5}): )?/m;
const FLAGS = ['-X', '-A', '-t', '-q', '-v', 'VERBOSITY=verbose'];

/** One statement in a connection of its own. `target`: what psql connects to; by default what the pod's PG… say. */
export async function psql(
  kubectl: Kubectl,
  pod: string,
  statement: string,
  target: readonly string[] = [],
): Promise<Answer> {
  const { status, output } = await kubectl.exec(pod, 'app', ['psql', ...FLAGS, ...target, '-c', statement], {
    seconds: 30,
  });
  return { sqlstate: status === 0 ? '00000' : (STATE.exec(output)?.[1] ?? '?????'), text: output.trim() };
}

/** One psql that stays connected. */
export class Session {
  readonly #child: ChildProcessWithoutNullStreams;
  #heard = '';
  #asked = 0;
  #tell: () => void = () => undefined;
  #ended = false;

  constructor(kubectl: Kubectl, pod: string) {
    const args = ['exec', '-i', pod, '-c', 'app', '--', 'sh', '-c', `exec psql ${FLAGS.join(' ')} 2>&1`];
    this.#child = spawn(kubectl.program, kubectl.command(args), { env: kubectl.env });
    const hear = (text: string): void => {
      this.#heard += text;
      this.#tell();
    };
    this.#child.stdout.setEncoding('utf8').on('data', hear);
    this.#child.stderr.setEncoding('utf8').on('data', hear);
    this.#child.stdin.on('error', () => undefined); // the end is told by `close`
    this.#child.on('close', () => {
      this.#ended = true;
      this.#tell();
    });
  }

  /** Sends a statement in this session and waits for what becomes of it. Throws when the session is over. */
  async ask(statement: string): Promise<Answer> {
    const mark = `~asked-${++this.#asked}`;
    this.#child.stdin.write(`${statement};\n\\echo ${mark} :SQLSTATE\n`);
    const [, text = '', sqlstate = ''] = await this.until(new RegExp(`^([^]*?)${mark} (\\w{5})\n`));
    return { sqlstate, text: text.trim() };
  }

  /** The same statement again and again, `every` seconds, until it is refused; resolves with the moment at which it was. */
  async watchUntilRefused(statement: string, every: number): Promise<number> {
    this.#child.stdin.write(`${statement} \\watch ${every}\n`);
    await this.until(/^[^]*?ERROR: {2}42501[^\n]*\n/);
    return performance.now();
  }

  close(): void {
    this.#child.stdin.end('\\q\n');
  }

  /** Takes what was heard up to the end of a match. */
  async until(pattern: RegExp, seconds = 60): Promise<RegExpExecArray> {
    const end = performance.now() + seconds * 1000;
    for (;;) {
      const found = pattern.exec(this.#heard);
      if (found !== null) {
        this.#heard = this.#heard.slice(found[0].length);
        return found;
      }
      if (this.#ended) throw new Error(`the session ended: ${this.#heard}`);
      const left = end - performance.now();
      if (left <= 0) throw new Error(`nothing like ${String(pattern)} in ${seconds} s: ${this.#heard}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#tell = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
