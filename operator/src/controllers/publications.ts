import type { Cause } from '../resources/cluster-resources.ts';

/** Why the last attempt to publish a scope came to nothing; it is tried again. */
export type ScopeTrouble = 'RedisAway' | 'Failed';

/** One attempt at a scope: everything that touched it up to `seq` is in it. */
export interface Attempt {
  readonly scope: string;
  readonly seq: number;
  readonly who: string;
  readonly why: string;
}

/** Whether what is asked for now is in a scope's policy. since: by the clock, when it was last made another. */
export type Standing =
  | { readonly kind: 'published' }
  | { readonly kind: 'pending'; readonly since: number; readonly trouble?: ScopeTrouble };

export interface Reason {
  readonly text: string;
  readonly by: string | undefined;
}

interface Scope {
  /** The last change that touched it; published up to there or not. */
  touched: number;
  published: number;
  trouble: ScopeTrouble | undefined;
  /** What is to be told of the changes not published yet. */
  causes: { readonly seq: number; readonly reason: Reason }[];
  more: number;
  /** Revisions by the last change that they hold, in order: how far a user has come on a proxy. */
  revisions: { seq: number; readonly revision: number }[];
  /** Statuses that wait for it, and others who do. */
  readonly statuses: Set<string>;
  callers: (() => void)[];
}

interface StatusMark {
  readonly seq: number;
  readonly at: number;
}

const OPERATOR = 'articdbm-operator';
const MOST_CAUSES = 8;
const MOST_REVISIONS = 64;

/**
 * Which changes the policy in force holds: changes are numbered as they come, scopes remember up to which one they were
 * published, resources which one last touched them. All of it is this leader's, and begins anew with the next.
 */
export class Publications {
  readonly #scopes = new Map<string, Scope>();
  readonly #statuses = new Map<string, StatusMark>();
  #seq = 0;

  /** at: by the clock. */
  touch(scopes: Iterable<string>, statuses: Iterable<string>, reason: Reason, at: number): void {
    const seq = ++this.#seq;
    for (const scope of scopes) {
      const known = this.#of(scope);
      known.touched = seq;
      if (known.causes.length < MOST_CAUSES) known.causes.push({ seq, reason });
      else known.more++;
    }
    for (const status of statuses) this.#statuses.set(status, { seq, at });
  }

  /** To be called when the scope's resources are read: what touches it later is not in this attempt. */
  begin(scope: string): Attempt {
    const { causes, more } = this.#of(scope);
    const texts = causes.map(({ reason }) => reason.text);
    const unique = [...new Set(texts)].join(', ');
    const who = causes.findLast(({ reason }) => reason.by !== undefined)?.reason.by ?? OPERATOR;
    return { scope, seq: this.#seq, who, why: more === 0 ? unique : `${unique} and ${String(more)} more` };
  }

  /** Returns the statuses that waited for it. */
  done({ scope, seq }: Attempt, revision: number): readonly string[] {
    const known = this.#of(scope);
    known.published = seq;
    known.trouble = undefined;
    known.causes = known.causes.filter((cause) => cause.seq > seq);
    if (known.causes.length === 0) known.more = 0;
    const last = known.revisions.at(-1);
    if (last?.revision === revision) last.seq = seq;
    else known.revisions.push({ seq, revision });
    if (known.revisions.length > MOST_REVISIONS) known.revisions.shift();
    return this.#awake(known);
  }

  failed({ scope }: Pick<Attempt, 'scope'>, trouble: ScopeTrouble): readonly string[] {
    const known = this.#of(scope);
    if (known.trouble === trouble) {
      this.#call(known);
      return [];
    }
    known.trouble = trouble;
    return this.#awake(known);
  }

  /** Whether these scopes hold what the status's resource asks for; if not, it is told when that may have changed. */
  standing(status: string, scopes: ReadonlySet<string>): Standing {
    const mark = this.#statuses.get(status) ?? { seq: 0, at: 0 };
    let standing: Standing = { kind: 'published' };
    for (const name of scopes) {
      const scope = this.#of(name);
      if (scope.published >= scope.touched || scope.published >= mark.seq) continue;
      scope.statuses.add(status);
      const { trouble } = scope;
      if (standing.kind === 'published' || trouble !== undefined)
        standing = { kind: 'pending', since: mark.at, ...(trouble === undefined ? {} : { trouble }) };
    }
    return standing;
  }

  /** The first revision of the scope that holds what the status's resource asks for; undefined: none does yet. */
  revisionFor(status: string, scope: string): number | undefined {
    const seq = this.#statuses.get(status)?.seq ?? 0;
    return this.#scopes.get(scope)?.revisions.find((one) => one.seq >= seq)?.revision;
  }

  isPublished(scope: string): boolean {
    const known = this.#scopes.get(scope);
    return known !== undefined && known.published >= known.touched && known.published > 0;
  }

  /** Ends with the scope's next attempt, well or not. */
  nextAttempt(scope: string): Promise<void> {
    return new Promise((resolve) => this.#of(scope).callers.push(resolve));
  }

  scopes(): Iterable<string> {
    return this.#scopes.keys();
  }

  forget(scope: string): void {
    const known = this.#scopes.get(scope);
    if (known !== undefined) this.#call(known);
    this.#scopes.delete(scope);
  }

  forgetStatus(status: string): void {
    this.#statuses.delete(status);
  }

  #of(scope: string): Scope {
    const known = this.#scopes.get(scope);
    if (known !== undefined) return known;
    const made: Scope = {
      ...{ touched: 0, published: 0, trouble: undefined, causes: [], more: 0, revisions: [] },
      ...{ statuses: new Set<string>(), callers: [] },
    };
    this.#scopes.set(scope, made);
    return made;
  }

  #awake(scope: Scope): readonly string[] {
    this.#call(scope);
    const statuses = [...scope.statuses];
    scope.statuses.clear();
    return statuses;
  }

  #call(scope: Scope): void {
    for (const call of scope.callers.splice(0)) call();
  }
}

export function reasonOf({ kind, key, what, by }: Cause): Reason {
  return { text: `${kind} ${key} ${what}`, by };
}
