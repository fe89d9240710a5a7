import { expect } from 'chai';
import { compileGrammar, createGrammar, type CompiledGrammar } from './grammar.ts';
import { DEFAULT_LIMITS, Elsewhere, type ElsewhereLimits, type ElsewhereOutcome } from './elsewhere.ts';

const chainOf = (terms: number): string => `select ${'1+'.repeat(terms)}1`;

describe('Elsewhere: the parser’s worker', function () {
  this.timeout(60_000);
  let module: CompiledGrammar;
  const made: Elsewhere[] = [];
  const broken: string[] = [];

  before(async () => {
    module = await compileGrammar(18);
  });
  afterEach(() => Promise.all(made.splice(0).map((elsewhere) => elsewhere.close())));

  function make(limits: Partial<ElsewhereLimits> = {}): (text: string) => Promise<ElsewhereOutcome> {
    const elsewhere = new Elsewhere({ ...DEFAULT_LIMITS, ...limits }, (error) => broken.push(error));
    made.push(elsewhere);
    return (text) => elsewhere.parse({ major: 18, module, text: new Uint8Array(Buffer.from(text)) });
  }

  it('answers in the order of arrival', async () => {
    const parse = make();
    const order: number[] = [];
    await Promise.all(
      [5_000, 1, 2].map(async (n) => {
        await parse(`select ${'1,'.repeat(n)}1`);
        order.push(n);
      }),
    );
    expect(order).to.deep.equal([5_000, 1, 2]);
  });

  it('a text that takes too long ends the worker, not the texts behind it', async () => {
    const parse = make();
    await parse('select 1');
    const slow = make({ deadline: 1 });
    const [first] = await Promise.all([slow(`select ${'a or b and '.repeat(1_500)}a`), slow('select 1')]);
    expect(first).to.include({ understood: false, reason: 'guarded', sqlstate: '54001' });
    expect(made[1]?.replaced).to.be.at.least(1);
    expect(await parse('select 1')).to.be.a('string');
  });

  it('a text that overflows the stack is refused, and the next one finds a new worker', async () => {
    const parse = make({ stack: 1 });
    for (let round = 1; round <= 3; round += 1) {
      const [overflowed, next] = await Promise.all([parse(chainOf(9_000)), parse('select 2')]);
      expect(overflowed).to.include({ understood: false, reason: 'guarded', sqlstate: '54001' });
      expect(next).to.be.a('string');
      expect(made[0]?.replaced).to.equal(round);
    }
    expect(broken.slice(-3)).to.deep.equal(['RangeError', 'RangeError', 'RangeError']);
  });

  it('a worker that has grown is replaced without a refusal', async () => {
    const parse = make({ memory: 1 });
    expect(await Promise.all([parse('select 1'), parse('select 2')])).to.satisfy((outcomes: readonly unknown[]) =>
      outcomes.every((outcome) => typeof outcome === 'string'),
    );
    expect(made[0]?.replaced).to.equal(0);
  });

  it('too many texts, or too many bytes, are refused at once', async () => {
    const parse = make({ waiting: 3, waitingBytes: 1_000 });
    const first = [parse('select 1'), parse('select 2'), parse('select 3')];
    expect(await parse('select 4')).to.include({ reason: 'guarded', sqlstate: '54001' });
    for (const outcome of await Promise.all(first)) expect(outcome).to.be.a('string');
    expect(await parse(`select '${'a'.repeat(1_000)}'`)).to.include({ sqlstate: '54001' });
    expect(await parse('select 5')).to.be.a('string');
  });

  it('a worker that does not come up refuses what waits', async () => {
    const parse = make({ start: 0 });
    for (const outcome of await Promise.all([parse('select 1'), parse('select 2')])) {
      expect(outcome).to.include({ understood: false, reason: 'guarded' });
    }
  });

  it('close refuses what waits, and the next text starts anew', async () => {
    const parse = make();
    const waiting = parse('select 1');
    await made[0]?.close();
    expect(await waiting).to.include({ understood: false });
    expect(await parse('select 1')).to.be.a('string');
  });

  it('an instance that overflowed is broken, a new one of the same module is not', async () => {
    const read = (json: Buffer): number => json.length;
    const lost = await createGrammar(18, module);
    expect(() => lost.parse(Buffer.from(chainOf(200_000)), read)).to.throw();
    const fresh = await createGrammar(18, module);
    expect(fresh.parse(Buffer.from('select 1'), read).kind).to.equal('tree');
  });
});
