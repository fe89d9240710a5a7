import { expect } from 'chai';
import fc from 'fast-check';
import { parseDocuments } from './documents.ts';
import { readSecret } from './secrets.ts';

/** Texts out of what YAML gives a meaning to. */
const yamlish = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'a: ',
        '- ',
        '\n',
        '  ',
        '---\n',
        '&x ',
        '*x',
        '!t ',
        '[',
        ']',
        '{',
        '}',
        ',',
        ': ',
        '? ',
        '| ',
        '>-\n',
        '"',
        "'",
        '#',
        '%YAML 1.1\n',
        '\t',
        '<<: ',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

describe('documents', () => {
  it('any text gives documents or problems with a place in it, never an exception', () => {
    fc.assert(
      fc.property(yamlish, (text) => {
        const { documents, problems } = parseDocuments('f.yaml', text);
        const lines = text.split('\n').length;
        for (const { line } of problems) if (line !== undefined) expect(line).to.be.within(1, lines + 1);
        for (const document of documents) {
          expect(document.at(['a', 0, 'b']).line).to.be.within(1, lines + 1);
          if (typeof document.value === 'object' && document.value !== null) readSecret(document);
        }
      }),
      { numRuns: 3_000 },
    );
  }).timeout(60_000);

  it('no message quotes the text', () => {
    fc.assert(
      fc.property(yamlish, fc.constantFrom('@', '`', '%', '"', "'", '[', '{', '*', '&', '!'), (text, mark) => {
        const { problems } = parseDocuments('f.yaml', `${text}\npassword: ${mark}hunter2 hunter2\n`);
        expect(JSON.stringify(problems)).not.to.include('hunter2');
      }),
      { numRuns: 1_000 },
    );
  }).timeout(60_000);

  it('places are those of keys, items, and of what an alias stands for', () => {
    const [document] = parseDocuments('f.yaml', 'x: &x\n  - one\n  - {k: 1}\ny: *x\n').documents;
    expect(document?.at(['x', 1, 'k'])).to.deep.equal({ file: 'f.yaml', line: 3, column: 6 });
    expect(document?.at(['y', 1, 'k'])).to.deep.equal({ file: 'f.yaml', line: 3, column: 6 });
    expect(document?.at(['y', 7])).to.deep.equal({ file: 'f.yaml', line: 4, column: 1 });
    expect(document?.at([])).to.deep.equal({ file: 'f.yaml', line: 1, column: 1 });
  });

  it('JSON with tabs is YAML too', () => {
    const [document] = parseDocuments('f.json', '{\n\t"a": {\n\t\t"b": [1, 2]\n\t}\n}\n').documents;
    expect(document?.value).to.deep.equal({ a: { b: [1, 2] } });
    expect(document?.at(['a', 'b']).line).to.equal(3);
  });
});
