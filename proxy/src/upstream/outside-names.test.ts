import { expect } from 'chai';
import { OutsideNamesReader } from './outside-names.ts';

type Rows = readonly (readonly (string | null)[])[];

const ROWS: Rows = [
  ['cast', 'int4', 'public', 'int_of_text'],
  ['function', 'lower', 'other', null],
  ['function', 'lower', 'public', null],
  ['operator', '=', 'public', null],
  ['type', 'mood', 'public', null],
];

function reading(): { reader: OutsideNamesReader; answer: (rows: Rows | Error) => void; pass: (ms: number) => void } {
  let now = 0;
  let next: Rows | Error = ROWS;
  const reader = new OutsideNamesReader({
    read: () => (next instanceof Error ? Promise.reject(next) : Promise.resolve(next)),
    now: () => now,
    failed: () => undefined,
  });
  return { reader, answer: (rows) => (next = rows), pass: (ms) => (now += ms) };
}

describe('names outside pg_catalog', () => {
  it('are unknown until they were read', async () => {
    const { reader } = reading();
    expect(reader.names).to.equal(null);
    await reader.refresh();
    expect(reader.names?.functions.get('lower')).to.eql(['other', 'public']);
    expect(reader.names?.types.get('int4')).to.eql(['public']);
    expect(reader.names?.unnamedCasts).to.eql([{ schema: 'public', name: 'int_of_text' }]);
  });

  it('are of another generation only when they differ, and never of one that was', async () => {
    const { reader, answer } = reading();
    await reader.refresh();
    const first = reader.names;
    await reader.refresh();
    expect(reader.names).to.equal(first);
    answer(ROWS.slice(1));
    await reader.refresh();
    answer(ROWS);
    await reader.refresh();
    expect(reader.names?.generation).to.be.above((first?.generation ?? 0) + 1);
    const other = reading().reader;
    await other.refresh();
    expect(other.names?.generation).to.be.above(reader.names?.generation ?? 0);
  });

  it('are unknown when they could not be read, and when that is too long ago', async () => {
    const { reader, answer, pass } = reading();
    await reader.refresh();
    pass(120_001);
    expect(reader.names).to.equal(null);
    await reader.refresh();
    expect(reader.names).not.to.equal(null);
    answer(new Error('away'));
    await reader.refresh();
    expect(reader.names).to.equal(null);
  });
});
