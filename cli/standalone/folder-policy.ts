import type { CompileInput } from '#contract/compile/compile';
import { serialiseSnapshot } from '#contract/snapshot/serialise';
import type { SnapshotBackend } from '#contract/snapshot/types';
import type { UpstreamCredentials, UpstreamLogin } from '#proxy/config';
import { createSnapshotHolder } from '#proxy/snapshot/holder';
import type { SnapshotHolder } from '#proxy/snapshot/holder';
import type { CurrentSnapshot } from '#proxy/snapshot/source';
import { compileFolder } from '../folder/compile-folder.ts';
import type { CompiledFolder } from '../folder/compile-folder.ts';
import type { Diagnostic } from '../folder/diagnostic.ts';
import { loadFolder } from '../folder/load.ts';
import type { Loaded } from '../folder/load.ts';
import { folderFingerprint } from '../folder/read-folder.ts';

export interface InForce {
  readonly loaded: Loaded;
  readonly compiled: CompiledFolder;
  readonly current: CurrentSnapshot;
}

export type Look =
  /** No file changed since the last look. */
  | { readonly kind: 'unchanged' }
  /** The folder is sound. `swapped`: and says something else than before. */
  | { readonly kind: 'sound'; readonly swapped: boolean; readonly diagnostics: readonly Diagnostic[] }
  /** The folder has errors: what was in force stays. */
  | { readonly kind: 'broken'; readonly diagnostics: readonly Diagnostic[] };

/**
 * A folder as the source of policy. All or nothing: one error in any file (unreadable, no YAML, an invalid or doubled
 * resource) and the last good policy stays in force whole, because what an error was meant to say is not known.
 * A resource that is sound by itself and refers to what is not there (a Secret, a user, a backend) is without effect
 * until it is, and holds up no other: resources come and go in any order.
 */
export class FolderPolicy implements UpstreamCredentials {
  readonly snapshots: SnapshotHolder;
  readonly #folder: string;
  readonly #verifier: CompileInput['verifier'];
  readonly #now: () => number;
  #seen: string | undefined;
  #sound = false;
  #confirmed = 0;
  #text = '';
  #inForce: InForce | undefined;

  constructor(folder: string, verifier: CompileInput['verifier'], now: () => number) {
    this.#folder = folder;
    this.#verifier = verifier;
    this.#now = now;
    this.snapshots = createSnapshotHolder(now);
  }

  get inForce(): InForce | undefined {
    return this.#inForce;
  }

  /** Epoch milliseconds at which the folder was last seen to say what is in force. */
  get confirmed(): number {
    return this.#confirmed;
  }

  /** The backend's shared login, whoever the user is. */
  loginFor(backend: SnapshotBackend): UpstreamLogin | undefined {
    return this.#inForce?.compiled.logins.get(backend.id);
  }

  /**
   * Puts in force what the folder says now. `reported`: files are read even if none seems to have changed.
   * Rejects when there is no such folder at the first look.
   */
  async look(reported: boolean): Promise<Look> {
    const fingerprint = await folderFingerprint(this.#folder).catch((error: unknown) => this.#goneOr(error));
    if (fingerprint === this.#seen && (!reported || fingerprint === GONE)) {
      if (this.#sound) this.#confirmed = this.#now();
      return { kind: 'unchanged' };
    }
    this.#sound = false;
    if (fingerprint === GONE) {
      this.#seen = GONE;
      return {
        kind: 'broken',
        diagnostics: [{ file: this.#folder, severity: 'error', message: 'is gone: bring it back' }],
      };
    }
    const loaded = await loadFolder(this.#folder);
    this.#seen = loaded.fingerprint;
    if (loaded.diagnostics.some(({ severity }) => severity === 'error')) {
      return { kind: 'broken', diagnostics: loaded.diagnostics };
    }
    return this.#enforce(loaded);
  }

  #enforce(loaded: Loaded): Look {
    const compiled = compileFolder(loaded, this.#verifier);
    const text = JSON.stringify([serialiseSnapshot(compiled.snapshot), [...compiled.logins]]);
    const before = this.#inForce?.current;
    const swapped = before === undefined || text !== this.#text;
    this.#text = text;
    if (swapped) {
      // The logins first: who hears of the swap may dial at once.
      if (this.#inForce !== undefined) this.#inForce = { ...this.#inForce, compiled };
      this.#inForce = { loaded, compiled, current: this.snapshots.swap(compiled.snapshot) };
    } else {
      this.#inForce = { loaded, compiled, current: before };
    }
    this.#sound = true;
    this.#confirmed = this.#now();
    return { kind: 'sound', swapped, diagnostics: [...loaded.diagnostics, ...compiled.diagnostics] };
  }

  #goneOr(error: unknown): string {
    const { code } = error as NodeJS.ErrnoException;
    if (this.#inForce === undefined || code === undefined) throw error;
    return GONE;
  }
}

/** No fingerprint: those begin with a file's name, or are empty. */
const GONE = '\0gone';
