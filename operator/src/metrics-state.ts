import { Gauge, type Registry } from 'prom-client';

export interface QueueState {
  readonly ready: number;
  readonly running: number;
  readonly waiting: number;
  readonly failing: number;
  /** Milliseconds for which the key that is ready longest has been so. */
  readonly oldestMs: number;
}

/** What is read when somebody asks. undefined: there is none now, and no number is shown for it. */
export interface MetricSources {
  readonly version: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly leading: () => boolean;
  readonly queue: () => QueueState | undefined;
  /** Epoch milliseconds at which all heads were last dated anew, by the leader. */
  readonly beatAt: () => number | undefined;
  readonly historyWaiting: () => number | undefined;
  /** By kind: objects that are held, and milliseconds since the API server was last heard of. */
  readonly watches: () => Iterable<{ readonly kind: string; readonly objects: number; readonly silentMs: number }>;
  readonly scopes: () => number | undefined;
  /** Epoch milliseconds at which the key in use was made, and how many keys there are. */
  readonly keys: () => { readonly madeAt: number; readonly count: number } | undefined;
  /** Epoch milliseconds at which the certificate that is served ends. */
  readonly certificateEnds: () => number | undefined;
}

export function registerState(registry: Registry, sources: MetricSources): void {
  const { now } = sources;
  const gauge = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: (set: (value: number, labels?: Partial<Record<L, string>>) => void) => void,
  ): void => {
    new Gauge({
      name: `articdbm_operator_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        if (labelNames.length === 0) this.remove(); // which a value told below brings back
        read((value, labels) => {
          if (labels === undefined) this.set(value);
          else this.set(labels as Record<L, string>, value);
        });
      },
    });
  };
  const given = (value: number | undefined, set: (value: number) => void): void => {
    if (value !== undefined) set(value);
  };
  gauge('leader', 'Whether this replica leads.', [], (set) => set(sources.leading() ? 1 : 0));
  gauge('queue', 'Keys that wait for a reconcile, by state; failing ones are counted again.', ['state'], (set) => {
    const { oldestMs: _, ...states } = sources.queue() ?? { oldestMs: 0 };
    for (const [state, keys] of Object.entries(states)) set(keys, { state });
  });
  gauge('queue_oldest_seconds', 'For how long a key has been ready and not taken.', [], (set) =>
    given(inSeconds(sources.queue()?.oldestMs), set),
  );
  gauge('beat_age_seconds', 'Since all heads were last dated anew, by the leader.', [], (set) => {
    const at = sources.beatAt();
    given(at === undefined ? undefined : inSeconds(Math.max(0, now() - at)), set);
  });
  gauge('scopes', 'Scopes that resources speak of.', [], (set) => given(sources.scopes(), set));
  gauge('history_waiting', 'Revisions that wait for the store.', [], (set) => given(sources.historyWaiting(), set));
  gauge('objects', 'Objects that the watches hold.', ['kind'], (set) => {
    for (const { kind, objects } of sources.watches()) set(objects, { kind });
  });
  gauge('watch_silent_seconds', 'Since the API server was last heard of.', ['kind'], (set) => {
    for (const { kind, silentMs } of sources.watches()) set(silentMs / 1000, { kind });
  });
  gauge('keys', 'Master keys in the Secret.', [], (set) => given(sources.keys()?.count, set));
  gauge('key_age_seconds', 'Age of the master key in use.', [], (set) => {
    const madeAt = sources.keys()?.madeAt;
    given(madeAt === undefined ? undefined : inSeconds(Math.max(0, now() - madeAt)), set);
  });
  gauge('certificate_end_seconds', 'When the certificate that is served ends, in seconds since 1970.', [], (set) =>
    given(inSeconds(sources.certificateEnds()), set),
  );
  gauge('build_info', 'Always 1; the labels tell the version.', ['version', 'node'], (set) =>
    set(1, { version: sources.version, node: process.version }),
  );
}

const inSeconds = (milliseconds: number | undefined): number | undefined =>
  milliseconds === undefined ? undefined : milliseconds / 1000;
