import { OPERATOR_LEASE } from '#contract/names';
import { startAdmin, type AdminServer, type Health } from './admin.ts';
import { kubeLeaseStore } from './kube/lease.ts';
import { SYSTEM_CLOCK } from './kube/system-clock.ts';
import type { Log } from './log.ts';
import { ENVIRONMENT, openBase, warner, type Base, type Context, type Seams } from './manager-base.ts';
import { Office } from './manager-office.ts';
import { openServing, type Serving } from './manager-serving.ts';
import { Troubles } from './manager-troubles.ts';
import { createMetrics } from './metrics.ts';
import { notOpened, type OperatorOptions } from './options.ts';
import type { ClusterResources } from './resources/cluster-resources.ts';
import { wait } from './runtime/clock.ts';
import { runElection } from './runtime/election.ts';

const NEVER = new AbortController().signal;

/** The operator's parts, in the order in which each needs those before it. */
export class Manager {
  readonly #context: Context;
  readonly #stopping = new AbortController();
  #admin: AdminServer | undefined;
  #base: Base | undefined;
  #serving: Serving | undefined;
  #office: Office | undefined;
  #started: Promise<void> = Promise.resolve();
  #election: Promise<void> = Promise.resolve();

  constructor(options: OperatorOptions, log: Log, fail: Context['fail'], seams: Seams) {
    const resources = () => (this.#base?.resources.synced === true ? this.#base.resources : undefined);
    const metrics = createMetrics({
      version: options.version,
      now: ENVIRONMENT.wall,
      leading: () => this.#office?.leading === true,
      queues: () => this.#office?.queues() ?? {},
      beatAt: () => this.#office?.beatAt(),
      historyWaiting: () => this.#office?.historyWaiting(),
      doubted: () => this.#office?.doubted(),
      silence: () => this.#base?.watches.silence() ?? new Map<string, number>(),
      objects: () => objectsOf(resources()),
      scopes: () => resources()?.scopes().size,
      keys: () => this.#serving?.keyState(),
      certificateEnds: () => this.#serving?.certificateEnds(),
    });
    this.#context = { options, log, metrics, troubles: new Troubles(log), fail, seams };
  }

  /** First of all, so that whoever waits can be told for what. Throws StartProblem. */
  async openAdmin(): Promise<void> {
    const { options, metrics, log } = this.#context;
    const { registry } = metrics;
    const page = { contentType: registry.contentType, metrics: () => registry.metrics() };
    this.#admin = await startAdmin({ ...options.admin, metrics: page, health: () => this.#health() }).catch(
      notOpened('admin', options.admin),
    );
    log.info({ host: this.#admin.host, port: this.#admin.port }, 'metrics and health are served');
  }

  /** Resolves when this replica serves and stands for election; what is away is waited for. Throws StartProblem. */
  start(): Promise<void> {
    return (this.#started = this.#start());
  }

  /**
   * What was begun is finished, in this order: reconciles, the lead, requests (for a while after readiness has gone, since
   * endpoints take a moment to forget a replica), and what all of them used. false: it took too long, or went wrong.
   */
  async stop(): Promise<boolean> {
    const { options, log } = this.#context;
    const lingering = wait(SYSTEM_CLOCK, options.linger, NEVER);
    this.#stopping.abort();
    const orderly = this.#stopInOrder(lingering).then(
      () => 'done' as const,
      (error: unknown) => {
        log.error({ error }, 'the end was not orderly');
        return 'failed' as const;
      },
    );
    const patience = new AbortController();
    const late = wait(SYSTEM_CLOCK, options.stopWithin, patience.signal).then(() => 'late' as const);
    const ended = await Promise.race([orderly, late]);
    patience.abort();
    if (ended === 'late') log.error('the end took too long: what is left is cut off');
    return ended === 'done';
  }

  async #stopInOrder(lingering: Promise<void>): Promise<void> {
    await this.#started.catch(() => undefined); // whoever waits for it has been told
    await this.#election;
    await lingering;
    await this.#serving?.close();
    await this.#base?.events.flush();
    await this.#base?.watches.stop();
    this.#base?.client.close();
    await this.#admin?.close();
  }

  async #start(): Promise<void> {
    const { signal } = this.#stopping;
    const base = await openBase(this.#context);
    this.#base = base;
    const office = new Office(base);
    this.#office = office;
    try {
      this.#serving = await openServing(base, office, signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    await Promise.race([base.watches.synced, aborted(signal)]);
    if (signal.aborted) return;
    this.#election = this.#stand(base, office, this.#serving);
    this.#election.catch((error: unknown) => this.#context.fail('election', error));
  }

  async #stand(base: Base, office: Office, serving: Serving): Promise<void> {
    const { seams, namespace, client, log, identity } = base;
    log.info({ identity }, 'this replica serves, and stands for election');
    await runElection(
      {
        ...ENVIRONMENT,
        store: kubeLeaseStore(client, { namespace, name: OPERATOR_LEASE }, ENVIRONMENT.wall),
        identity,
        ...(seams.electionTimes === undefined ? {} : { times: seams.electionTimes }),
        lead: (leadership) => office.hold(leadership, serving),
        onError: warner(base, 'election', 'the lead could not be taken or kept; it is tried again'),
      },
      this.#stopping.signal,
    );
  }

  #health(): Health {
    const { troubles } = this.#context;
    if (this.#stopping.signal.aborted) return { missing: ['shutting down'], troubles: [] };
    const unlisted = this.#base?.unlisted() ?? [];
    const listed = this.#base?.resources.synced === true;
    const missing = [
      ...unlisted.map((plural) => `${plural} are not listed yet: ${NOT_LISTED}`),
      ...(unlisted.length === 0 && !listed ? [`resources are not all listed yet: ${NOT_LISTED}`] : []),
      ...(this.#serving?.ready() === true ? [] : ['HTTPS is not served yet: keys or certificates are not read']),
    ];
    return { missing, troubles: troubles.list() };
  }
}

const NOT_LISTED = 'the API server is away, lacks the CRDs, or does not let this ServiceAccount';

function objectsOf(resources: ClusterResources | undefined): Readonly<Record<string, number>> {
  if (resources === undefined) return {};
  const count = (each: Iterable<unknown>): number => [...each].length;
  const pods = [...resources.scopesWithPods()].map((scope) => resources.podsOf(scope).length);
  return {
    dbbackends: count(resources.keys('DatabaseBackend')),
    dbusers: count(resources.keys('DbUser')),
    dbpermissions: count(resources.keys('DbPermission')),
    pods: pods.reduce((sum, each) => sum + each, 0),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
