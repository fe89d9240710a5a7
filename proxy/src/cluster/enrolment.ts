import type { Bootstrap } from '#contract/bootstrap/answer';
import { StateError, type AnswerKeeper, type KeptAnswer } from './kept-answer.ts';
import { OperatorError, type OperatorClient, type OperatorFailure } from './operator-client.ts';
import { read, type MachineClock, type OperatorClock } from './operator-clock.ts';

export interface EnrolmentOptions {
  readonly client: OperatorClient;
  readonly keeper: AnswerKeeper;
  readonly machine: MachineClock;
  readonly clock: OperatorClock;
  /** From 0 to 1: proxies must not come all at once. */
  readonly chance: () => number;
  /** Called with every answer, the kept one too, before `first` resolves. */
  readonly answered: (bootstrap: Bootstrap) => void;
  /** An attempt is over. */
  readonly counted: (outcome: 'ok' | OperatorFailure) => void;
  /** What people should hear of. */
  readonly say: (what: string) => void;
}

/** Milliseconds. */
const ANSWER_MS = 15_000;
const RETRY_MS = { least: 500, most: 15_000 };
/** With an answer in force nothing is urgent. */
const RETRY_RENEWAL_MS = { least: 1_000, most: 60_000 };
const LEAST_ASK_AGAIN_MS = 10_000;
/** Whoever starts with what was kept asks soon all the same: logins may have changed meanwhile. */
const AFTER_RESTART_MS = { least: 2_000, most: 12_000 };
/** What setTimeout can take. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Who this proxy is, as the operator says: asked at the start until it is answered, for ever, and again when `askAgain` has
 * passed (give or take a fifth) or when somebody misses something. The last answer stays in force meanwhile, however old.
 */
export class Enrolment {
  readonly #options: EnrolmentOptions;
  readonly #over = new AbortController();
  #current: Bootstrap | undefined;
  #trouble: string | undefined;
  #failures = 0;
  #underWay: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Monotonic milliseconds. */
  #due = Infinity;

  constructor(options: EnrolmentOptions) {
    this.#options = options;
  }

  get current(): Bootstrap | undefined {
    return this.#current;
  }

  /** Why the last attempt came to nothing. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Takes what is kept into force, if it is whole, and begins to ask. */
  async start(): Promise<void> {
    const kept = await this.#kept();
    if (kept === undefined) {
      this.#schedule(0);
      return;
    }
    this.#schedule(this.#between(AFTER_RESTART_MS));
    this.#take(kept);
  }

  /** Something is missing: asks within so many milliseconds, unless that is planned already, or failed just now. */
  askWithin(milliseconds: number): void {
    if (this.#failures > 0) return;
    if (this.#due - this.#options.machine.monotonic() > milliseconds) this.#schedule(milliseconds);
  }

  /** Asks now, or shares what is under way. Rejects with OperatorError. */
  ask(): Promise<void> {
    this.#underWay ??= this.#attempt().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  close(): void {
    this.#over.abort();
    clearTimeout(this.#timer);
  }

  async #attempt(): Promise<void> {
    clearTimeout(this.#timer);
    const { client, machine, counted } = this.#options;
    const began = machine.monotonic();
    try {
      const { bootstrap, json } = await client.bootstrap(
        AbortSignal.any([AbortSignal.timeout(ANSWER_MS), this.#over.signal]),
      );
      const at = read(machine);
      // `now` was true at some moment in between.
      const kept = { bootstrap, json, at: { ...at, monotonic: (began + at.monotonic) / 2 } };
      this.#failures = 0;
      this.#trouble = undefined;
      counted('ok');
      this.#schedule(Math.max(bootstrap.askAgain, LEAST_ASK_AGAIN_MS) * (0.8 + 0.4 * this.#options.chance()));
      this.#take(kept); // whoever misses something in it asks for the next one sooner
      await this.#keep(kept);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.#failed(error);
      throw error;
    }
  }

  #failed(error: OperatorError): void {
    if (this.#over.signal.aborted) return;
    const { least, most } = this.#current === undefined ? RETRY_MS : RETRY_RENEWAL_MS;
    const backOff = Math.min(least * 2 ** Math.min(this.#failures, 20), most);
    this.#failures++;
    this.#trouble = error.message;
    this.#options.counted(error.code);
    this.#schedule(backOff * (0.5 + this.#options.chance() / 2));
  }

  #take({ bootstrap, at }: KeptAnswer): void {
    this.#options.clock.set(bootstrap.now, at);
    this.#current = bootstrap;
    this.#options.answered(bootstrap);
  }

  async #kept(): Promise<KeptAnswer | undefined> {
    try {
      return await this.#options.keeper.load();
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      this.#options.say(`what an earlier run kept is passed over: ${error.message}`);
      return undefined;
    }
  }

  async #keep(kept: KeptAnswer): Promise<void> {
    try {
      await this.#options.keeper.save(kept);
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      this.#options.say(`a restart will need the operator: ${error.message}`);
    }
  }

  #schedule(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (this.#over.signal.aborted) return;
    this.#due = this.#options.machine.monotonic() + milliseconds;
    this.#timer = setTimeout(() => void this.ask().catch(unlessTold), Math.min(milliseconds, LONGEST_MS));
  }

  #between({ least, most }: { readonly least: number; readonly most: number }): number {
    return least + (most - least) * this.#options.chance();
  }
}

/** It is counted, shown and tried again. */
function unlessTold(error: unknown): void {
  if (!(error instanceof OperatorError)) throw error;
}
