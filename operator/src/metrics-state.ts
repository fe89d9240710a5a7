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
  /** By name of the queue. */
  readonly queues: () => Readonly<Record<string, QueueState>>;
  /** Epoch milliseconds at which all heads were last dated anew, by the leader. */
  readonly beatAt: () => number | undefined;
  readonly historyWaiting: () => number | undefined;
  /** Scopes whose policy could not be made of what the resources say now. */
  readonly doubted: () => number | undefined;
  /** By plural: milliseconds since the API server was last heard of. */
  readonly silence: () => ReadonlyMap<string, number>;
  /** By plural: how many are held. */
  readonly objects: () => Readonly<Record<string, number>>;
  readonly scopes: () => number | undefined;
  /** Epoch milliseconds at which the key in use was made, and how many keys there are. */
  readonly keys: () => { readonly madeAt: number; readonly count: number } | undefined;
  /** Epoch milliseconds at which the certificate that is served ends. */
  readonly certificateEnds: () => number | undefined;
}

const QUEUE_STATES = ['ready', 'running', 'waiting', 'failing'] as const;

type Told<L extends string> = (value: number, labels?: Partial<Record<L, string>>) => void;
type DefineGauge = <L extends string>(
  name: string,
  help: string,
  labelNames: readonly L[],
  read: (set: Told<L>) => void,
) => void;

/** Gauges that are read when somebody asks; what is not told then is not shown. */
const gaugesIn =
  (registry: Registry): DefineGauge =>
  (name, help, labelNames, read) => {
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
          else this.set(labels as Record<(typeof labelNames)[number], string>, value);
        });
      },
    });
  };

const given = (value: number | undefined, set: (value: number) => void): void => {
  if (value !== undefined) set(value);
};

export function registerState(registry: Registry, sources: MetricSources): void {
  const { now } = sources;
  const gauge = gaugesIn(registry);
  gauge('leader', 'Whether this replica leads.', [], (set) => set(sources.leading() ? 1 : 0));
  gauge(
    'queue',
    'Keys of the leader by queue and state; failing ones are counted again.',
    ['queue', 'state'],
    (set) => {
      for (const [queue, counts] of Object.entries(sources.queues())) {
        for (const state of QUEUE_STATES) set(counts[state], { queue, state });
      }
    },
  );
  gauge('queue_oldest_seconds', 'For how long a key has been ready and not taken.', ['queue'], (set) => {
    for (const [queue, { oldestMs }] of Object.entries(sources.queues())) set(oldestMs / 1000, { queue });
  });
  gauge('beat_age_seconds', 'Since all heads were last dated anew, by the leader.', [], (set) => {
    const at = sources.beatAt();
    given(at === undefined ? undefined : inSeconds(Math.max(0, now() - at)), set);
  });
  gauge('scopes', 'Scopes that resources speak of.', [], (set) => given(sources.scopes(), set));
  gauge('history_waiting', 'Revisions that wait for the store.', [], (set) => given(sources.historyWaiting(), set));
  gauge('scopes_in_doubt', 'Scopes whose policy could not be made of what the resources say now.', [], (set) =>
    given(sources.doubted(), set),
  );
  gauge('objects', 'Resources that are held.', ['resource'], (set) => {
    for (const [resource, objects] of Object.entries(sources.objects())) set(objects, { resource });
  });
  gauge('watch_silent_seconds', 'Since the API server was last heard of.', ['resource'], (set) => {
    for (const [resource, silentMs] of sources.silence()) set(silentMs / 1000, { resource });
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
