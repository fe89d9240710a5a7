import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Misunderstood } from '#proxy/sql/inspection';
import { guarded } from './guard.ts';
import { nameOf, type Job, type Reply, type Result } from './work.ts';

export interface ElsewhereLimits {
  /** Milliseconds for one text; then the worker is ended. */
  readonly deadline: number;
  /** Milliseconds for a new worker to come up. */
  readonly start: number;
  /** Texts that may wait, and their bytes; beyond: refused at once. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Bytes of WebAssembly memory at which a worker is replaced: it never shrinks. One grammar takes 128 MiB unused. */
  readonly memory: number;
  /** MiB of stack: what the depth of a tree was measured with (guard.ts). */
  readonly stack: number;
}

export const DEFAULT_LIMITS: ElsewhereLimits = {
  deadline: 1_000,
  start: 10_000,
  waiting: 64,
  waitingBytes: 16 * 1024 * 1024,
  memory: 4 * 128 * 1024 * 1024 + 64 * 1024 * 1024,
  stack: 4,
};

/** A tree, as JSON, or why there is none. */
export type ElsewhereOutcome = string | Misunderstood;

interface Waiting {
  readonly job: Job;
  readonly settle: (outcome: ElsewhereOutcome) => void;
}

type State = 'none' | 'starting' | 'idle' | 'busy';

/**
 * One worker thread that parses what the main thread must not: in the order of arrival, one at a time, each within a
 * deadline. It starts with the first text, and is replaced when it hangs, dies, breaks or has grown. A caller has at most
 * one text here at a time (a session waits for its answer), so nobody gets more than one place in the queue.
 *
 * | state    | text comes      | ready | reply                         | deadline, error, exit       |
 * | -------- | --------------- | ----- | ----------------------------- | --------------------------- |
 * | none     | start, starting | –     | –                             | –                           |
 * | starting | queue           | next  | –                             | refuse all that wait, none  |
 * | idle     | send, busy      | –     | –                             | none                        |
 * | busy     | queue           | –     | settle, next (broken: none)   | refuse this one, none, next |
 */
export class Elsewhere {
  readonly #limits: ElsewhereLimits;
  readonly #onBroken: ((error: string) => void) | undefined;
  readonly #queue: Waiting[] = [];
  #queuedBytes = 0;
  #state: State = 'none';
  #worker: Worker | undefined;
  #current: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;
  #replaced = 0;

  /** onBroken: told when a text ended a worker, with the name of the error. */
  constructor(limits: ElsewhereLimits = DEFAULT_LIMITS, onBroken?: (error: string) => void) {
    this.#limits = limits;
    this.#onBroken = onBroken;
  }

  /** Workers that had to be ended because of a text. */
  get replaced(): number {
    return this.#replaced;
  }

  /** Never rejects. The job's text goes to the worker whole: it must have a buffer of its own, and is empty afterwards. */
  parse(job: Job): Promise<ElsewhereOutcome> {
    const { waiting, waitingBytes } = this.#limits;
    if (this.#queue.length >= waiting || this.#queuedBytes + job.text.length > waitingBytes) {
      return Promise.resolve(guarded('too many statements wait to be parsed'));
    }
    const { promise, resolve } = Promise.withResolvers<ElsewhereOutcome>();
    this.#queue.push({ job, settle: resolve });
    this.#queuedBytes += job.text.length;
    if (this.#state === 'none') this.#start();
    else if (this.#state === 'idle') this.#next();
    return promise;
  }

  /** Ends the worker; what waits is refused. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#drop();
    this.#refuseAll();
    await worker?.terminate();
  }

  #start(): void {
    this.#state = 'starting';
    const worker = new Worker(new URL(`./worker${extname(import.meta.filename)}`, import.meta.url), {
      // The heap holds a text, its tree as JSON, and no more.
      resourceLimits: {
        maxOldGenerationSizeMb: 128,
        maxYoungGenerationSizeMb: 16,
        stackSizeMb: this.#limits.stack,
      },
    });
    this.#worker = worker;
    worker.on('message', (message: Reply | 'ready') => {
      if (worker !== this.#worker) return;
      if (message === 'ready') this.#next();
      else this.#reply(message);
    });
    worker.on('error', (error) => {
      this.#failed(worker, nameOf(error));
    });
    worker.on('exit', () => {
      this.#failed(worker, 'exit');
    });
    this.#arm(this.#limits.start, worker);
  }

  #arm(milliseconds: number, worker: Worker): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#failed(worker, 'deadline');
    }, milliseconds);
  }

  #next(): void {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    const next = this.#queue.shift();
    this.#current = next;
    this.#state = next === undefined ? 'idle' : 'busy';
    if (worker === undefined) return;
    if (next === undefined) {
      worker.unref();
      return;
    }
    worker.ref();
    this.#queuedBytes -= next.job.text.length;
    this.#arm(this.#limits.deadline, worker);
    worker.postMessage(next.job, [next.job.text.buffer as ArrayBuffer]);
  }

  #reply({ result, memory }: Reply): void {
    const current = this.#current;
    this.#current = undefined;
    if (result.kind === 'broken') this.#broke(result.error);
    if (result.kind === 'broken' || memory > this.#limits.memory) this.#replace();
    else this.#next();
    current?.settle(outcomeOf(result));
  }

  #replace(): void {
    const worker = this.#worker;
    this.#drop();
    void worker?.terminate();
    if (this.#queue.length > 0) this.#start();
  }

  /** The deadline passed, or the thread died. */
  #failed(worker: Worker, error: string): void {
    if (worker !== this.#worker) return;
    const wasStarting = this.#state === 'starting';
    const current = this.#current;
    this.#current = undefined;
    if (wasStarting) this.#refuseAll();
    if (current !== undefined) this.#broke(error);
    this.#replace();
    current?.settle(guarded('statement takes too long or too much to parse'));
  }

  #broke(error: string): void {
    this.#replaced += 1;
    this.#onBroken?.(error);
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#worker = undefined;
    this.#state = 'none';
  }

  #refuseAll(): void {
    const waiting = this.#current === undefined ? this.#queue.splice(0) : [this.#current, ...this.#queue.splice(0)];
    this.#current = undefined;
    this.#queuedBytes = 0;
    for (const { settle } of waiting) settle(guarded('no parser is at hand'));
  }
}

function outcomeOf(result: Result): ElsewhereOutcome {
  switch (result.kind) {
    case 'tree':
      return result.json;
    case 'misunderstood':
      return result.outcome;
    case 'broken':
      return guarded('statement is too deep for the parser');
  }
}
