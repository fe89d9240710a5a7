import type { Ask, InspectedStatement, ResolutionState, Understood } from '../inspection.ts';
import { Analysis, type Walk } from './analysis.ts';
import { as, type Node, type Statement } from './ast.ts';
import { readExpression } from './expression.ts';
import { readQuery } from './query.ts';
import { readPrepared, readStatement, type Draft } from './statements.ts';

const WALK: Walk = { expression: readExpression, query: readQuery };

/**
 * What the statements of a text ask for and do to the session. Pure and total: `statements` are what libpg-query of the
 * server's major made of the text (`parseSync(…).stmts`); what isn't understood in them is refused in its place.
 */
export function analyse(_text: Buffer, statements: readonly Statement[], state: ResolutionState): Understood {
  return {
    understood: true,
    statements: statements.map(({ stmt, stmt_location: offset }) => inspectStatement(stmt, offset ?? 0, state)),
  };
}

function inspectStatement(node: Node | undefined, offset: number, state: ResolutionState): InspectedStatement {
  return inspected(state, offset, (analysis) =>
    readStatement(analysis, node, (prepared) =>
      inspected(state, offset, (inner) => readPrepared(inner, as('PrepareStmt', prepared) ?? {}, nothingNested)),
    ),
  );
}

/** What PREPARE keeps is a query, which holds no statement. */
function nothingNested(): never {
  throw new Error('a prepared statement held another');
}

function inspected(state: ResolutionState, offset: number, read: (analysis: Analysis) => Draft): InspectedStatement {
  const analysis = new Analysis(state, WALK);
  const draft = readSafely(analysis, read);
  return {
    offset,
    tag: draft.tag,
    ask: askOf(analysis, draft),
    judgedAt: draft.judgedAt ?? 'execute',
    effects: analysis.effects,
    constantsMatter: analysis.constantsMatter,
    ...(draft.copy !== undefined && { copy: draft.copy }),
  };
}

/** What the client reads where the analysis itself failed; no test may ever see it. */
export const UNREADABLE = 'the statement could not be analysed';

/** A mistake of ours must cost one statement, not the process. */
function readSafely(analysis: Analysis, read: (analysis: Analysis) => Draft): Draft {
  try {
    return read(analysis);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    analysis.asked.fail(UNREADABLE);
    return { tag: 'UNKNOWN' };
  }
}

function askOf(analysis: Analysis, draft: Draft): Ask {
  const { refusal } = analysis.asked;
  if (refusal !== undefined) return { kind: 'refused', ...refusal };
  const requests = analysis.asked.requests();
  if (draft.executes !== undefined) return { kind: 'execute-prepared', name: draft.executes, requests };
  if (draft.fetches !== undefined) return { kind: 'fetch-cursor', name: draft.fetches, requests };
  return { kind: 'requests', requests };
}
