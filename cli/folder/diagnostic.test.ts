import { expect } from 'chai';
import { formatDiagnostic, sortDiagnostics } from './diagnostic.ts';
import type { Diagnostic } from './diagnostic.ts';

describe('diagnostics', () => {
  const at = (file: string, line?: number, message = 'm'): Diagnostic => ({
    file,
    ...(line === undefined ? {} : { line, column: 3 }),
    severity: 'error',
    message,
  });

  it('are told as file:line:column, or as the file alone', () => {
    expect(formatDiagnostic(at('a.yaml', 2))).to.equal('a.yaml:2:3: error: m');
    expect(formatDiagnostic({ ...at('a.yaml'), subject: 'DbUser default/a' })).to.equal(
      'a.yaml: error: DbUser default/a: m',
    );
  });

  it('a key in a file can not forge a line or move the cursor', () =>
    expect(formatDiagnostic(at('a.yaml', 1, 'unknown field x\ny\u001b[2K\u2028z'))).to.equal(
      'a.yaml:1:3: error: unknown field x?y?[2K?z',
    ));

  it('are sorted by file, then by line as a number', () =>
    expect(
      sortDiagnostics([at('b', 1), at('a', 10), at('a', 9), at('a')]).map(({ file, line }) => `${file}${line ?? ''}`),
    ).to.deep.equal(['a', 'a9', 'a10', 'b1']));
});
