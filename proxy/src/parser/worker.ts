/** The entry of the parser's worker thread: it may stall or overflow, and is then replaced. */
import { parentPort } from 'node:worker_threads';
import type { Misunderstood } from '#proxy/sql/inspection';
import { createGrammar, type Grammar, type Major } from './grammar.ts';
import { guardStructure } from './guard.ts';
import { syntaxError } from './misunderstood.ts';
import { guardTree } from './tree.ts';
import { nameOf, type Job, type Reply, type Result } from './work.ts';

const grammars = new Map<Major, Grammar>();

async function grammarFor(job: Job): Promise<Grammar> {
  const known = grammars.get(job.major);
  if (known !== undefined) return known;
  const grammar = await createGrammar(job.major, job.module);
  grammars.set(job.major, grammar);
  return grammar;
}

async function work(job: Job): Promise<Result> {
  const guarded = guardStructure(job.text);
  if (guarded !== undefined) return { kind: 'misunderstood', outcome: guarded };
  const grammar = await grammarFor(job);
  const parsed = grammar.parse(job.text, (json): string | Misunderstood => guardTree(json) ?? json.toString('utf8'));
  if (parsed.kind === 'error') return { kind: 'misunderstood', outcome: syntaxError(parsed.error) };
  if (typeof parsed.tree === 'string') return { kind: 'tree', json: parsed.tree };
  return { kind: 'misunderstood', outcome: parsed.tree };
}

function memory(): number {
  let bytes = 0;
  for (const grammar of grammars.values()) bytes += grammar.memory;
  return bytes;
}

async function answer(job: Job): Promise<void> {
  let result: Result;
  try {
    result = await work(job);
  } catch (error) {
    // Whatever a grammar throws, its instance can't be used again.
    result = { kind: 'broken', error: nameOf(error) };
  }
  parentPort?.postMessage({ result, memory: memory() } satisfies Reply);
}

parentPort?.on('message', (job: Job) => void answer(job));
parentPort?.postMessage('ready');
