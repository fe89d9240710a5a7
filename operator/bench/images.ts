/** What is in the images, run as the images run it, without a container. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const ROOT = path.join(import.meta.dirname, '../..');

export interface Bundles {
  readonly operator: string;
  readonly proxy: string;
}

let made: Bundles | undefined;

/** Made anew, so that what is measured is what the sources say now; gone with the process. */
export function bundles(): Bundles {
  if (made !== undefined) return made;
  const folder = mkdtempSync(path.join(tmpdir(), 'articdbm-bench-bundles-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const bundle = (script: string, name: string): string => {
    const to = path.join(folder, name);
    execFileSync(process.execPath, [path.join(ROOT, 'tools/build', script), to], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return to;
  };
  made = {
    operator: path.join(bundle('bundle-operator.ts', 'operator'), 'articdbm.js'),
    proxy: path.join(bundle('bundle.ts', 'proxy'), 'articdbm-proxy.js'),
  };
  return made;
}

/** The variables that the Dockerfile gives to what runs in that image. */
export function imageEnvironment(target: 'operator' | 'proxy'): Readonly<Record<string, string>> {
  const stages = readFileSync(path.join(ROOT, 'Dockerfile'), 'utf8').split(/^FROM /m);
  const stage = stages.find((text) => new RegExp(`^scratch AS ${target}$`, 'm').test(text));
  if (stage === undefined) throw new Error(`the Dockerfile has no stage ${target}`);
  return Object.fromEntries(
    [...stage.matchAll(/^ENV ([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
}
