import { expect } from 'chai';
import { parseSearchPath, SearchPath, writeSearchPath } from './search-path.ts';

describe('the search path', () => {
  it('is a set that only grows, without what every path has', () => {
    const path = new SearchPath(['public', 'pg_catalog', 'pg_temp']);
    path.add(['b', 'public', 'pg_temp_3']);
    expect(path.schemas).to.eql(['public', 'b']);
  });

  it('is unknown from a call on, until it was read or reported', () => {
    const path = new SearchPath(['public']);
    path.lose(4);
    expect([path.schemas, path.worthAsking]).to.eql([null, true]);
    path.answered(undefined);
    expect([path.schemas, path.worthAsking]).to.eql([null, false]);
    path.settled(3, true);
    expect(path.schemas).to.equal(null);
    path.settled(4, false);
    expect(path.worthAsking).to.equal(true);
    path.answered(['x']);
    expect(path.schemas).to.eql(['public', 'x']);
    path.lose(6);
    path.settled(6, true);
    expect(path.schemas).to.eql(['public', 'x']);
  });

  const written: readonly (readonly [string, readonly string[] | undefined])[] = [
    ['', []],
    ['public', ['public']],
    ['"$user", Public', ['me', 'public']],
    [' "A ""b""", c_1 ', ['A "b"', 'c_1']],
    ['"", a', ['', 'a']],
    ['a,', undefined],
    ['a b', undefined],
    ['"open', undefined],
    ['É', ['É']],
    ['a\vb', undefined],
    ['"é"', ['é']],
  ];
  for (const [text, schemas] of written) {
    it(`is read from ${JSON.stringify(text)}`, () => {
      expect(parseSearchPath(text, 'me')).to.eql(schemas);
    });
  }

  it('is cut as the server cuts names, never within a character', () => {
    expect(parseSearchPath(`"${'é'.repeat(40)}"`, '')).to.eql(['é'.repeat(31)]);
  });

  it('is written so that it is read again', () => {
    const schemas = ['a', 'B', 'c "d", e', 'pg_temp'];
    expect(parseSearchPath(writeSearchPath(schemas), '')).to.eql(schemas);
  });
});
