import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VERSION } from '#proxy/version';

const ROOT = join(import.meta.dirname, '..');
const MAIN = join(ROOT, 'cli/main.ts'); // not the bin, which would run a dist/ that may be older
const BIN = join(ROOT, 'bin/articdbm.js');

function articdbm(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { cwd: ROOT, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

describe('the articdbm command', () => {
  it('check: 0 for the example', () => {
    const { code, stdout, stderr } = articdbm('check', 'docs/examples/shop');
    expect(stdout).to.equal('');
    expect(stderr).to.equal('docs/examples/shop: 1 backend, 3 users, 3 permissions, nothing wrong\n');
    expect(code).to.equal(0);
  });

  it('check: 0 for warnings, and never that nothing is wrong', () => {
    const folder = mkdtempSync(join(tmpdir(), 'articdbm-check-'));
    try {
      const user = 'apiVersion: articdbm.io/v1alpha1\nkind: DbUser\nmetadata: {name: mute}\nspec: {username: mute}\n';
      writeFileSync(join(folder, 'a.yaml'), user);
      const { code, stdout, stderr } = articdbm('check', folder);
      expect(stdout).to.match(/a\.yaml:\d+:\d+: warning: /);
      expect(stderr).to.equal(`${folder}: 0 backends, 1 user, 0 permissions, 1 warning\n`);
      expect(code).to.equal(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('check: 1 and every problem on a line of its own, none with a value', () => {
    const folder = mkdtempSync(join(tmpdir(), 'articdbm-check-'));
    try {
      writeFileSync(
        join(folder, 'a.yaml'),
        'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: hunter2!}\n',
      );
      writeFileSync(
        join(folder, 'b.yaml'),
        'apiVersion: articdbm.io/v1alpha1\nkind: DbUser\nmetadata: {name: b}\nspec: {usernam: hunter2}\n',
      );
      const { code, stdout, stderr } = articdbm('check', folder);
      const lines = stdout.trim().split('\n');
      expect(lines).to.have.length(3);
      for (const line of lines) expect(line).to.match(/\/[ab]\.yaml:\d+:\d+: error: .+: .+/);
      expect(stdout + stderr).not.to.include('hunter2');
      expect(stderr).to.equal(`${folder}: 3 errors\n`);
      expect(code).to.equal(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('2 and a hint for what is no command, no flag, no folder, no number', () => {
    for (const [args, hint] of [
      [[], 'usage: articdbm COMMAND'],
      [['chek'], 'unknown command chek'],
      [['constructor'], 'unknown command constructor'],
      [['check'], 'name one folder'],
      [['check', 'a', 'b'], 'name one folder'],
      [['check', '/nowhere'], '/nowhere is no folder'],
      [['standalone', 'docs/examples/shop', '--lisen=a=b:1'], 'unknown flag --lisen'],
      [['standalone', 'docs/examples/shop', '--listen=15432'], '--listen is BACKEND=HOST:PORT'],
      [['standalone', 'docs/examples/shop', '--max-connections=many'], '--max-connections is a whole number'],
      [['standalone', 'docs/examples/shop', '--tls-cert=x'], '--tls-cert and --tls-key go together'],
      [['operator'], '--store-url-file is missing'],
      [['proxy'], '--policy is missing'],
    ] as const) {
      const { code, stderr } = articdbm(...args);
      expect(stderr, args.join(' ')).to.include(hint).and.to.include('usage: ');
      expect(code, args.join(' ')).to.equal(2);
    }
  }).timeout(60_000);

  it('the bin runs the command, and tells an old Node what to do', () => {
    expect(spawnSync(process.execPath, [BIN, '--version'], { encoding: 'utf8' }).stdout).to.equal(
      `articdbm ${VERSION}\n`,
    );
    const pretend = 'Object.defineProperty(process, "versions", {value: {node: "20.1.0"}})';
    const old = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, BIN, '--version'];
    const { status, stdout, stderr } = spawnSync(process.execPath, old, { encoding: 'utf8' });
    expect(stdout).to.equal('');
    expect(stderr)
      .to.include('needs Node 26')
      .and.to.include('20.1.0')
      .and.to.include('node_modules/.bin first on PATH');
    expect(status).to.equal(1);
  }).timeout(60_000);

  it('tells its version, and helps with each command', () => {
    expect(articdbm('--version')).to.deep.equal({ code: 0, stdout: `articdbm ${VERSION}\n`, stderr: '' });
    expect(articdbm('--help').stdout).to.include('standalone').and.to.include('check');
    for (const command of ['standalone', 'check', 'proxy', 'operator']) {
      const { code, stdout } = articdbm(command, '--help');
      expect(stdout).to.include(`usage: articdbm ${command}`).and.to.include('exit code:');
      expect(code).to.equal(0);
    }
    expect(articdbm('standalone', '--help').stdout)
      .to.include('ARTICDBM_MAX_CONNECTIONS')
      .and.to.include('The flag wins');
  }).timeout(60_000);
});
