import type { SnapshotBackend } from '#contract/snapshot/types';
import type { Environment, UpstreamLogin } from '../config.ts';
import type { Resolution } from '../protocols/protocol.ts';
import type { ResolutionState } from '../sql/inspection.ts';
import { ControlConnection } from './control.ts';
import { OUTSIDE_NAMES_QUERY, OutsideNamesReader } from './outside-names.ts';

const REFRESH = 30_000;
const PATIENCE = 10_000;
/** Kept without sessions for so long: clients that connect for each statement find it open. */
const LINGER = 60_000;
/** Not more often than this, whatever clients provoke. */
const SOONEST = 1_000;

/** Paths that a database's sessions have; beyond, the map begins anew. */
const MAX_STATES = 1_000;

type Trouble = (backend: string, what: string, detail: string) => void;

interface CatalogContext {
  readonly backend: SnapshotBackend;
  readonly database: string;
  readonly login: UpstreamLogin;
  readonly environment: Environment;
  readonly trouble: Trouble;
}

export type Major = ResolutionState['major'];

/** What the proxy knows of one database: nothing but which names exist outside pg_catalog. */
export class DatabaseCatalog {
  readonly #backend: SnapshotBackend;
  readonly #database: string;
  readonly #login: UpstreamLogin;
  readonly #environment: Environment;
  readonly #reader: OutsideNamesReader;
  readonly #closed = new AbortController();
  readonly #states = new Map<string, ResolutionState>();
  readonly #key: string;
  #statesOf = Number.NaN;
  #connection: ControlConnection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #refreshedAt = -Infinity;
  users = 0;

  constructor({ backend, database, login, environment, trouble }: CatalogContext) {
    this.#backend = backend;
    this.#database = database;
    this.#login = login;
    this.#environment = environment;
    this.#key = `${backend.id}/${database}`;
    this.#reader = new OutsideNamesReader({
      read: () => this.#rows(),
      now: () => environment.monotonic(),
      failed: (error) => {
        if (!this.#closed.signal.aborted)
          trouble(backend.id, 'catalog', error instanceof Error ? error.name : 'unknown');
      },
    });
  }

  /** Resolves once the names were tried to be read. */
  async ready(): Promise<void> {
    if (this.#reader.names === null) await this.#refresh();
    if (this.#timer === undefined) this.#schedule(REFRESH);
  }

  /** Something may have changed. */
  refreshSoon(): void {
    if (this.#closed.signal.aborted) return;
    const since = this.#environment.monotonic() - this.#refreshedAt;
    this.#schedule(Math.max(0, SOONEST - since));
  }

  /** One timer at a time: what was asked for while the names were being read stands in the place of the next round. */
  #schedule(milliseconds: number): void {
    clearTimeout(this.#timer);
    const timer = setTimeout(() => {
      void this.#refresh().then(() => {
        if (this.#timer === timer && !this.#closed.signal.aborted) this.#schedule(REFRESH);
      });
    }, milliseconds);
    timer.unref();
    this.#timer = timer;
  }

  resolution(major: Major, initialPath: readonly string[]): Resolution {
    let last: { readonly path: readonly string[] | null; readonly state: ResolutionState } | undefined;
    return {
      initialPath,
      current: (path) => {
        if (last?.path !== path || last.state.outside !== this.#reader.names) {
          last = { path, state: this.#state(major, path) };
        }
        return last.state;
      },
    };
  }

  close(): void {
    this.#closed.abort();
    clearTimeout(this.#timer);
    this.#connection?.close();
  }

  #state(major: Major, path: readonly string[] | null): ResolutionState {
    const outside = this.#reader.names;
    const generation = outside?.generation ?? 0;
    if (generation !== this.#statesOf || this.#states.size > MAX_STATES) {
      this.#states.clear();
      this.#statesOf = generation;
    }
    const key = path === null ? 'unknown' : JSON.stringify(path);
    let state = this.#states.get(key);
    if (state === undefined) {
      const id = `${this.#key}/${String(major)}/${outside === null ? 'strict' : String(generation)}/${key}`;
      state = { id, database: this.#database, major, path, outside };
      this.#states.set(key, state);
    }
    return state;
  }

  async #refresh(): Promise<void> {
    this.#refreshedAt = this.#environment.monotonic();
    await this.#reader.refresh();
  }

  async #rows(): Promise<readonly (readonly (string | null)[])[]> {
    if (this.#connection?.usable !== true) {
      this.#connection = await ControlConnection.open({
        backend: this.#backend,
        login: this.#login,
        database: this.#database,
        environment: this.#environment,
        signal: this.#closed.signal,
      });
      if (this.#closed.signal.aborted) this.#connection.close();
    }
    return this.#connection.query(OUTSIDE_NAMES_QUERY, PATIENCE);
  }
}

/** Catalogs by backend, login and database; one lives while a session holds it. */
export class Catalogs {
  readonly #catalogs = new Map<string, DatabaseCatalog>();
  readonly #environment: Environment;

  readonly #trouble: Trouble;

  constructor(environment: Environment, trouble: Trouble) {
    this.#environment = environment;
    this.#trouble = trouble;
  }

  enter(
    backend: SnapshotBackend,
    database: string,
    login: UpstreamLogin,
  ): { catalog: DatabaseCatalog; leave: () => void } {
    const [endpoint] = backend.endpoints;
    const key = JSON.stringify([backend.id, endpoint?.host, endpoint?.port, database, login.username]);
    let catalog = this.#catalogs.get(key);
    if (catalog === undefined) {
      catalog = new DatabaseCatalog({
        backend,
        database,
        login,
        environment: this.#environment,
        trouble: this.#trouble,
      });
      this.#catalogs.set(key, catalog);
    }
    const held = catalog;
    held.users++;
    const leave = (): void => {
      held.users--;
      if (held.users === 0) setTimeout(() => this.#drop(key, held), LINGER).unref();
    };
    return { catalog: held, leave };
  }

  close(): void {
    for (const catalog of this.#catalogs.values()) catalog.close();
    this.#catalogs.clear();
  }

  #drop(key: string, catalog: DatabaseCatalog): void {
    if (catalog.users > 0 || this.#catalogs.get(key) !== catalog) return;
    this.#catalogs.delete(key);
    catalog.close();
  }
}
