import { expect } from 'chai';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileOutput, streamOutput } from './output.ts';
import { jsonLinesSink } from './sink.ts';

describe('line output', () => {
  it('appends whole lines to a file that only its owner may read', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'articdbm-output-'));
    try {
      const file = join(directory, 'audit.jsonl');
      for (const word of ['one', 'two']) {
        const output = fileOutput(file);
        expect(output.writeLine(word)).to.equal(true);
        expect(output.writeLine(word)).to.equal(true);
        await output.flush(1000);
      }
      expect(readFileSync(file, 'utf8')).to.equal('one\none\ntwo\ntwo\n');
      expect(statSync(file).mode & 0o077).to.equal(0);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('writes by itself, in order, what comes while another write is under way', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'articdbm-output-'));
    try {
      const file = join(directory, 'audit.jsonl');
      const output = fileOutput(file);
      const lines = Array.from({ length: 5_000 }, (_, number) => `${number} ${'x'.repeat(100)}`);
      for (const [number, line] of lines.entries()) {
        expect(output.writeLine(line)).to.equal(true);
        if (number % 1_000 === 999) await delay(1);
      }
      const whole = `${lines.join('\n')}\n`;
      for (let look = 0; look < 100 && statSync(file).size < whole.length; look += 1) await delay(20);
      expect(readFileSync(file, 'utf8')).to.equal(whole);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('drops whole lines, and does not spin, when the disk is full', async function () {
    if (!existsSync('/dev/full')) this.skip();
    const output = fileOutput('/dev/full', 1_000);
    const line = 'x'.repeat(99);
    const taken = Array.from({ length: 20 }, () => output.writeLine(line));
    expect(taken.filter(Boolean)).to.have.length(10);
    await output.flush(50); // resolves by its deadline
    expect(output.writeLine(line)).to.equal(false);
  });

  it('says at once that a file cannot be opened', () => {
    expect(() => fileOutput('/nonexistent/audit.jsonl')).to.throw();
  });

  it('sends the lines of one turn in one write', async () => {
    const writes: string[] = [];
    const output = streamOutput(
      new Writable({
        decodeStrings: false,
        write(chunk: string, _encoding, done) {
          if (chunk !== '') writes.push(chunk);
          done();
        },
      }),
    );
    output.writeLine('one');
    output.writeLine('two');
    await output.flush(1000);
    expect(writes).to.deep.equal(['one\ntwo\n']);
  });

  it('drops whole events and counts them, and never waits, when nobody reads', async () => {
    const stuck = new Writable({ write: () => undefined });
    const output = streamOutput(stuck, 64 << 10);
    const sink = jsonLinesSink(output);
    for (let number = 0; number < 1000; number += 1) sink.write('access', bigEvent(number));
    expect(sink.dropped()).to.be.above(900).and.below(1000);
    await output.flush(20); // resolves by its deadline
    expect(stuck.writableLength).to.be.at.most(64 << 10);
  });

  it('drops and goes on when the reader is gone', async () => {
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const output = streamOutput(broken);
    output.writeLine('one');
    await output.flush(20);
    expect(output.writeLine('two')).to.equal(false);
  });
});

const bigEvent = (session: number) =>
  ({
    time: '2026-01-01T00:00:00.000Z',
    kind: 'statement',
    backend: 'default/shop',
    protocol: 'postgresql',
    client: 'x'.repeat(1024),
    session,
    outcome: 'ok',
    revision: 1,
  }) as const;
