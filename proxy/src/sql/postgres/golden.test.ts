import { expect } from 'chai';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as grammar15 from 'pg-query-15';
import * as grammar16 from 'pg-query-16';
import * as grammar17 from 'pg-query-17';
import * as grammar18 from 'pg-query-18';
import type { AccessRequest } from '#contract/policy/request';
import type { InspectedStatement, OutsideNamesKnown, ResolutionState, SessionEffect } from '../inspection.ts';
import { analyse } from './analyse.ts';
import type { Statement } from './ast.ts';

const GRAMMARS = { 15: grammar15, 16: grammar16, 17: grammar17, 18: grammar18 } as const;
const FOLDER = new URL('testdata/', import.meta.url);

type Outside = Record<'functions' | 'operators' | 'types', Map<string, string[]>>;

/** `@ path=a,b functions=f@app major=15 outside=unknown`: all that isn't said is as at first. */
function stateOf(line: string): ResolutionState {
  const outside: Outside = { functions: new Map(), operators: new Map(), types: new Map() };
  let casts: OutsideNamesKnown['unnamedCasts'];
  let [path, major, known]: [string[] | null, number, boolean] = [['public'], 18, true];
  for (const word of line.split(' ').filter((text) => text !== '')) {
    const [key, value] = [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)];
    if (key === 'path') path = value === 'unknown' ? null : value.split(',').filter((name) => name !== '');
    else if (key === 'major') major = Number(value);
    else if (key === 'outside') known = false;
    else if (key === 'casts') casts = value.split(',').map((name) => ({ schema: 'public', name }));
    else for (const name of value.split(',')) addOutside(outside[key as keyof Outside], name);
  }
  const state = { id: line, database: 'shop', major: major as ResolutionState['major'], path };
  return { ...state, outside: known ? { generation: 1, ...outside, ...(casts && { unnamedCasts: casts }) } : null };
}

function addOutside(names: Map<string, string[]>, text: string): void {
  const at = text.lastIndexOf('@');
  const [name, schema] = [text.slice(0, at), text.slice(at + 1)];
  names.set(name, [...(names.get(name) ?? []), schema]);
}

function describeRequest({ action, resource }: AccessRequest): string {
  if (resource.kind === 'backend') return `admin[${resource.what}]`;
  if (resource.kind === 'schema') return `usage schema ${resource.name}`;
  const name = `${resource.schema ?? '?'}.${resource.name}`;
  if (resource.kind !== 'relation') return `${action} ${resource.kind} ${name}`;
  const { columns } = resource;
  const listed = columns === 'any' ? '+' : columns === 'all' ? '*' : columns.join(', ');
  return `${action} ${name}(${listed})`;
}

function describeEffect(effect: SessionEffect): string {
  switch (effect.kind) {
    case 'prepare':
      return `prepare ${effect.name} {${describeStatement(effect.inner)}}`;
    case 'path-add':
      return `path-add ${effect.schemas.join(' ')}`;
    case 'deallocate':
    case 'declare-cursor':
    case 'close-cursor':
      return `${effect.kind} ${effect.name ?? '(all)'}`;
    default:
      return effect.kind;
  }
}

function describeStatement(statement: InspectedStatement): string {
  const { ask, tag, judgedAt, copy, effects, offset } = statement;
  const words = [tag + (judgedAt === 'bind' ? '@bind' : '')];
  if (offset > 0) words.push(`at ${String(offset)}`);
  if (copy !== undefined) words.push(copy);
  if (statement.constantsMatter && /^(SELECT|INSERT|UPDATE|DELETE|MERGE)$/.test(tag)) words.push('const');
  if (ask.kind === 'refused') words.push(`! ${ask.reason}: ${ask.message}`);
  else {
    if (ask.kind !== 'requests') words.push(`${ask.kind} ${ask.name}`);
    words.push(ask.requests.map(describeRequest).join('; '));
  }
  if (effects.length > 0) words.push(`~ ${effects.map(describeEffect).join('; ')}`);
  return words.filter((word) => word !== '').join(' ');
}

function resultOf(text: string, state: ResolutionState): string[] {
  const tree = GRAMMARS[state.major].parseSync(text) as { readonly stmts?: readonly Statement[] };
  const { statements } = analyse(Buffer.from(text), tree.stmts ?? [], state);
  return statements.length === 0 ? ['nothing'] : statements.map(describeStatement);
}

/** The file as it should be. */
function rewritten(file: string): string {
  let state = stateOf('');
  const lines: string[] = [];
  for (const line of file.split('\n')) {
    if (line.startsWith('@')) state = stateOf(line.slice(1));
    if (/^[>@#]/.test(line)) lines.push(line);
    if (!line.startsWith('>')) continue;
    try {
      for (const result of resultOf(line.slice(2), state)) lines.push(`  ${result}`);
    } catch (error) {
      throw new Error(line, { cause: error });
    }
  }
  return lines.join('\n') + '\n';
}

describe('what statements ask for', () => {
  before(async () => {
    for (const grammar of Object.values(GRAMMARS)) await grammar.loadModule();
  });

  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.golden'))) {
    it(`is as testdata/${name} says`, () => {
      const file = new URL(name, FOLDER);
      const written = readFileSync(file, 'utf8');
      const fresh = rewritten(written);
      if (process.env.REFRESH === '1') writeFileSync(file, fresh);
      else expect(written.split('\n')).to.deep.equal(fresh.split('\n'));
    });
  }
});
